"""What the categories are called where there is little room."""

from pipetriage.model.categories import Category

CATEGORY_NAMES = {
    Category.SCHEMA_DRIFT: "schema drift",
    Category.DATA_SKEW: "data skew",
    Category.SMALL_FILE_PRESSURE: "small files",
    Category.SOURCE_DELAY: "source delay",
    Category.CODE_REGRESSION: "code regression",
    Category.PERMISSION_ERROR: "permission",
    Category.PARTIAL_WRITE_RISK: "partial write",
    Category.UNKNOWN: "unknown",
}
