"""The tables of SCHEMA_DRIFT: what only the input can cause, and what changed code can cause as well."""

from pipetriage.detectors.rules import Reading, Rule, pattern, words
from pipetriage.model.categories import FailureMode
from pipetriage.model.finding import Strength

# Sources: Spark's and Delta's error conditions, Iceberg's schema checks, Athena's HIVE_ errors, the messages of
# pyarrow, pyiceberg, pandas and Python's own conversions.
RULES: tuple[Rule, ...] = (
    Rule(
        id="new-column",
        mode=FailureMode.NEW_COLUMN,
        says="the data has a column that the table does not",
        conditions=words(
            "INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_STRUCT_FIELDS "
            "INCOMPATIBLE_DATA_FOR_TABLE.UNEXPECTED_COLUMN_NAME UNKNOWN_FIELD_EXCEPTION"
        ),
        text=pattern(
            r"PyArrow table contains more columns",
            r"write to .{0,300}too many data columns",
            r"\bExtra columns?: ",
            r"extra (?:struct )?(?:fields?|columns?) ",
            r"A schema mismatch detected when writing to the Delta table",
            r"Field \S{1,200} not found in (?:\w{1,20} )?schema",
            r"Encountered unknown field",
            r"Not a valid schema field",
            r"Unrecognized field \"",
        ),
    ),
    Rule(
        id="missing-column",
        mode=FailureMode.MISSING_COLUMN,
        says="the data lacks a column that the table needs",
        conditions=words(
            "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA "
            "INCOMPATIBLE_DATA_FOR_TABLE.STRUCT_MISSING_FIELDS DELTA_MISSING_COLUMN "
            "DELTA_COLUMN_NOT_FOUND_IN_SCHEMA"
        ),
        text=pattern(
            r"Cannot find data for (?:the )?output column",
            r"write to .{0,300}not enough data columns",
            r"\bis required,? but (?:is )?missing",
            r"missing required (?:columns?|fields?)",
            r"not found in the source",
            r"required (?:columns?|fields?) .{0,200}(?:are|is) missing",
            r"Missing columns? provided to 'parse_dates'",
        ),
    ),
    Rule(
        id="type-change",
        mode=FailureMode.TYPE_CHANGE,
        says="a column's type is not what the table or the reader expects",
        conditions=words(
            "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE "
            "CANNOT_MERGE_SCHEMAS FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH "
            "PARQUET_CONVERSION_FAILURE PARQUET_TYPE_NOT_SUPPORTED CANNOT_UPDATE_FIELD "
            "INCOMPATIBLE_COLUMN_TYPE AVRO_INCOMPATIBLE_READ_TYPE DELTA_FAILED_TO_MERGE_FIELDS "
            "DELTA_MERGE_INCOMPATIBLE_DATATYPE DELTA_MERGE_INCOMPATIBLE_DECIMAL_TYPE "
            "CANNOT_UP_CAST_DATATYPE"
        ),
        text=pattern(
            r"Parquet column cannot be converted",
            r"\bSchemaColumnConvertNotSupportedException\b",
            r"Failed to merge (?:incompatible data types|fields)",
            r"HIVE_BAD_DATA",
            r"HIVE_PARTITION_SCHEMA_MISMATCH",
            r"Cannot safely cast",
            r"Unable to merge: Field .{1,200}has incompatible types",
            r"Mismatch in fields",
            r"different types in column",
            # Parquet's own converters (Converter.asGroupConverter, asPrimitiveConverter).
            r"Expected instance of (?:group|primitive) converter",
            r"cannot be converted to (?:the )?type",
            r"cannot be cast to class org\.apache\.spark\.sql\.catalyst|cannot be cast to org\.apache\.spark\.unsafe",
            r"cannot promote .{1,80} to ",
            r"Cannot change column type",
        ),
    ),
    Rule(
        id="contract",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="the data's schema does not fit the table's",
        conditions=words(
            "INCOMPATIBLE_DATA_FOR_TABLE DELTA_SCHEMA_CHANGED DELTA_SCHEMA_CHANGE_SINCE_ANALYSIS "
            "SCHEMA_MISMATCH DELTA_SCHEMA_CHANGED_WITH_STARTING_OPTIONS DELTA_SCHEMA_CHANGED_WITH_VERSION "
            "STREAMING_SCHEMA_MISMATCH DATA_SOURCE_TABLE_SCHEMA_MISMATCH"
        ),
        text=pattern(
            r"Cannot write incompatible data",
            r"schema is incompatible with expected schema",
            r"schema mismatch",
            r"schema compatib\w{1,10} check",
            r"source and target schemas .{0,80}out of sync",
            r"Cannot find source column",
            r"\bSchema error: ",
            r"schema of .{1,120} has changed",
            r"number of columns .{0,80}(?:does not|do not|doesn't|don't|did not) match",
            r"(?:unmatched|mismatched|different) number of columns|column count mismatch",
            r"Schema at index \d{1,6} was different",
            r"Table schema does not match",
            r"schema of .{1,200} does not match",
            r"target schema's field names are not matching",
            r"schemas? (?:do|does) ?n[o']t match",
            r"Incompatible schema",
            r"incompatible with (?:the )?(?:table|target|expected) schema",
        ),
    ),
    Rule(
        id="not-null",
        mode=FailureMode.CONSTRAINT_VIOLATION,
        says="the data breaks a constraint of the table",
        conditions=words(
            "INCOMPATIBLE_DATA_FOR_TABLE.NULLABLE_COLUMN "
            "INCOMPATIBLE_DATA_FOR_TABLE.NULLABLE_ARRAY_ELEMENTS "
            "INCOMPATIBLE_DATA_FOR_TABLE.NULLABLE_MAP_VALUES NOT_NULL_CONSTRAINT_VIOLATION "
            "NOT_NULL_ASSERT_VIOLATION CHECK_CONSTRAINT_VIOLATION MERGE_CARDINALITY_VIOLATION "
            "DELTA_NOT_NULL_CONSTRAINT_VIOLATED DUPLICATE_KEY DELTA_VIOLATE_CONSTRAINT_WITH_VALUES "
            "DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE DUPLICATED_MAP_KEY "
            "EXCEED_LIMIT_LENGTH"
        ),
        text=pattern(
            r"Null value appeared in non-?nullable",
            r"NULL value .{0,200}(?:NOT NULL|non-null)",
            r"violates .{0,40}constraint",
            r"Cannot write nullable values to non-null",
            r"null value in column",
            r"Value for required field .{0,200}null",
            r"multiple source rows? (?:attempted to )?(?:match|updat)",
            r"single row from the target table with multiple rows",
            r"ON clause .{0,200}matched a single row",
            r"Duplicate entry .{0,200} for key",
            r"duplicate key value",
            r"(?:is )?non-nullable but (?:contains|has) null",
            r"(?:value|column|field) (?:of |for )?\S{1,200} (?:can ?not|must not|may not) be null",
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="violation",
        mode=FailureMode.CONSTRAINT_VIOLATION,
        says="the data breaks a constraint of the table",
        # psycopg's names for PostgreSQL's error codes of class 23.
        exceptions=words("NotNullViolation UniqueViolation ForeignKeyViolation CheckViolation ExclusionViolation"),
        reading=Reading.DATA,
    ),
    Rule(
        id="does-not-fit",
        mode=FailureMode.CONSTRAINT_VIOLATION,
        says="a value does not fit the database's column",
        text=pattern(
            # PostgreSQL and Redshift, SQL Server, MySQL, Oracle, Snowflake.
            r"value too long for type",
            r"numeric field overflow",
            r"String length exceeds DDL length",
            r"String or binary data would be truncated",
            r"Cannot insert the value NULL into column",
            r"Data too long for column",
            r"Out of range value for column",
            r"value too large for column",
            r"\bORA-(?:12899|01438|01400)\b",
            r"is too long and would be truncated",
            r"Data truncated for column",
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="database-conversion",
        mode=FailureMode.CAST_FAILURE,
        says="the database cannot convert a value to the column's type",
        text=pattern(
            # PostgreSQL and Redshift, SQL Server, MySQL, Oracle.
            r"invalid input syntax for ",
            r"Conversion failed when converting",
            r"Arithmetic overflow error converting",
            r"Incorrect \w{3,20} value: ",
            r"\bORA-(?:01722|01858|01861|01843)\b",
            r"(?:value|timestamp|date|time|boolean|number) '[^'\n]{0,200}' is not recognized",
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="old-dates",
        mode=FailureMode.CAST_FAILURE,
        says="dates read differently in this engine version",
        conditions=words("INCONSISTENT_BEHAVIOR_CROSS_VERSION"),
        reading=Reading.DATA,
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="cast",
        mode=FailureMode.CAST_FAILURE,
        says="a value cannot be converted to the column's type",
        conditions=words(
            "CAST_INVALID_INPUT CAST_OVERFLOW CAST_OVERFLOW_IN_TABLE_INSERT "
            "NUMERIC_VALUE_OUT_OF_RANGE CANNOT_PARSE_TIMESTAMP CANNOT_PARSE_DECIMAL CANNOT_PARSE_TIME "
            "CONVERSION_INVALID_INPUT CANNOT_PARSE_INTERVAL"
        ),
        exceptions=words(
            "NumberFormatException DateTimeParseException SparkNumberFormatException "
            "SparkDateTimeException SparkArithmeticException DateTimeException InvalidTextRepresentation "
            "ParserError OutOfBoundsDatetime NumericValueOutOfRange StringDataRightTruncation "
            "DatetimeFieldOverflow InvalidDatetimeFormat AvroTypeException InvalidFormatException"
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="arithmetic",
        mode=FailureMode.CAST_FAILURE,
        says="a calculation met a value that it cannot take",
        conditions=words(
            "DIVIDE_BY_ZERO REMAINDER_BY_ZERO ARITHMETIC_OVERFLOW INTERVAL_ARITHMETIC_OVERFLOW INVALID_ARRAY_INDEX "
            "INVALID_ARRAY_INDEX_IN_ELEMENT_AT MAP_KEY_DOES_NOT_EXIST"
        ),
        exceptions=words("DivisionByZero"),
        reading=Reading.VALUE_OR_CODE,
    ),
    Rule(
        id="arrow-cast",
        mode=FailureMode.CAST_FAILURE,
        says="a value cannot be converted to the column's type",
        exceptions=words("ArrowInvalid ArrowTypeError"),
        text=pattern(
            r"could not convert", r"failed to parse string", r"tried to convert", r"out of bounds|would lose data"
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="python-cast",
        mode=FailureMode.CAST_FAILURE,
        says="a value cannot be converted to the type that the code expects",
        # The words of CPython's own int(), float(), datetime and decimal.
        exceptions=words("ValueError InvalidOperation ConversionSyntax"),
        text=pattern(
            r"invalid literal for int\(\)",
            r"could not convert string to float",
            r"time data .{0,200} does not match format",
            r"unconverted data remains",
            r"Invalid isoformat string",
            r"ConversionSyntax",
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="java-cast",
        mode=FailureMode.CAST_FAILURE,
        says="a value cannot be converted to the type that the code expects",
        # The words of the JDK's own java.sql.Timestamp, Date and Time, and of java.text.
        text=pattern(r"(?:Timestamp|Date|Time) format must be", r"Unparseable (?:date|number): "),
        reading=Reading.DATA,
    ),
    Rule(
        id="malformed",
        mode=FailureMode.MALFORMED_INPUT,
        says="the input cannot be parsed",
        conditions=words(
            "MALFORMED_RECORD_IN_PARSING MALFORMED_CSV_RECORD CANNOT_READ_FILE_FOOTER "
            "FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER INVALID_JSON_RECORD CANNOT_PARSE_JSON_FIELD "
            "MALFORMED_PROTOBUF_MESSAGE MALFORMED_AVRO_MESSAGE ERROR_READING_AVRO_UNKNOWN_FINGERPRINT "
            "CANNOT_CONVERT_PROTOBUF_MESSAGE_TYPE_TO_SQL_TYPE MALFORMED_CHARACTER_CODING "
            "INVALID_JSON_ROOT_FIELD CANNOT_PARSE_PROTOBUF_DESCRIPTOR"
        ),
        exceptions=words(
            "JsonParseException JSONDecodeError BadRecordException MalformedRecordException BadGzipFile "
            "XMLSyntaxError ParquetDecodingException TextParsingException JsonProcessingException "
            "ZipException InvalidProtocolBufferException MismatchedInputException JsonEOFException "
            "JsonSyntaxException MalformedJsonException SAXParseException"
        ),
    ),
    Rule(
        id="malformed-in-words",
        mode=FailureMode.MALFORMED_INPUT,
        says="the input cannot be parsed",
        text=pattern(
            r"is not a Parquet file",
            r"Expected magic number at tail",
            r"Parquet magic bytes not found",
            # A malformed request or address is the caller's own.
            r"Malformed (?!request|url|uri|endpoint|policy|arn)",
            r"Could not read footer",
            r"Error tokenizing data",
            r"CSV parse error",
            r"Not an Avro data file",
            r"Parquet file size is \d{1,12} bytes|ORC file .{0,200}(?:invalid|malformed)",
            r"Unable to parse file: ",
            r"Not a valid (?:Parquet|ORC|Avro|JSON)",
            r"Can not read value at \d{1,12} in block",
            r"Unexpected end of (?:ZLIB )?input|Error parsing (?:JSON|CSV|XML)",
            r"JSON parse error",
        ),
    ),
)

# The same words when the input lost a column and when the code asks for one that never was.
AMBIGUOUS: tuple[Rule, ...] = (
    Rule(
        id="unresolved-column",
        mode=FailureMode.MISSING_COLUMN,
        says="the query names a column that is not there",
        conditions=words(
            "UNRESOLVED_COLUMN UNRESOLVED_FIELD COLUMN_NOT_FOUND FIELD_NOT_FOUND UNRESOLVED_MAP_KEY "
            "UNRESOLVED_USING_COLUMN_FOR_JOIN CANNOT_RESOLVE_DATAFRAME_COLUMN CANNOT_RESOLVE_STAR_EXPAND "
            "DELTA_CANNOT_RESOLVE_COLUMN UNRESOLVED_COLUMN_AMONG_FIELD_NAMES COLUMN_NOT_DEFINED_IN_TABLE"
        ),
        exceptions=words("UndefinedColumn ColumnNotFoundError"),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="unresolved-column-in-words",
        mode=FailureMode.MISSING_COLUMN,
        says="the code names a column that is not there",
        text=pattern(
            # Spark before 3.4, Iceberg, PostgreSQL, pandas, pyarrow, Hive.
            r"cannot resolve ['\"`]?.{1,300}given input columns",
            r"Cannot resolve column name ",
            r"No such struct field",
            r"Cannot find (?:field|column) ",
            r"column \S{1,200} does not exist",
            r"Usecols do not match columns",
            r"\] not (?:found in axis|in index)",
            r"are in the \[(?:columns|index)\]",
            r"Field \"?\S{1,200} does not exist in",
            r"No match for FieldRef",
            r"Could not find (?:field|column) ",
            r"Invalid column name",
            r"Column '?[^']{1,200}'? cannot be resolved",
            r"Unable to find column",
            # Athena and Trino, MySQL, Oracle.
            r"\bCOLUMN_NOT_FOUND: ",
            r"Unknown column '",
            r"\bORA-00904\b",
        ),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="arity",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="the number of columns does not fit",
        conditions=words(
            "INSERT_COLUMN_ARITY_MISMATCH NUM_COLUMNS_MISMATCH INSERT_PARTITION_COLUMN_ARITY_MISMATCH "
            "NUM_TABLE_VALUE_ALIASES_MISMATCH INCOMPATIBLE_JOIN_TYPES ASSIGNMENT_ARITY_MISMATCH"
        ),
        text=pattern(
            r"Length mismatch: Expected axis has",
            r"same number of columns",
            r"columns passed, passed data had",
            r"Columns must be same length as key",
            r"requires that the data to be inserted have the same number",
        ),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="types-in-query",
        mode=FailureMode.TYPE_CHANGE,
        says="a column's type does not fit the expression that uses it",
        conditions=words(
            "DATATYPE_MISMATCH UNEXPECTED_INPUT_TYPE INCOMPATIBLE_COLUMN_CHANGES INVALID_EXTRACT_BASE_FIELD_TYPE"
        ),
        exceptions=words("ArrowNotImplementedError"),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="duplicate-column",
        mode=FailureMode.NEW_COLUMN,
        says="a column name is not unique",
        conditions=words(
            "AMBIGUOUS_REFERENCE AMBIGUOUS_COLUMN_OR_FIELD COLUMN_ALREADY_EXISTS "
            "AMBIGUOUS_REFERENCE_TO_FIELDS INCOMPATIBLE_DATA_FOR_TABLE.AMBIGUOUS_COLUMN_NAME "
            "FIELD_ALREADY_EXISTS"
        ),
        text=pattern(
            r"Found duplicate column\(?s?\)? in",
            r"Reference .{1,200} is ambiguous, could be",
            r"Duplicate (?:field|column) names?: ",
        ),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="value-not-allowed",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="a value in the data is none of those that the code knows",
        text=pattern(
            r"(?:unexpected|unknown|invalid|unsupported|illegal) .{1,160}"
            r"\b(?:allowed|expected|known|valid)(?: values?)?(?: are)?: ",
            r"\b(?:is|are) not (?:one of|in) (?:the )?(?:allowed|accepted|permitted|known|valid|expected) ",
        ),
        reading=Reading.DATA,
    ),
    Rule(
        id="schema-class",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="the data does not fit its schema",
        # Exceptions that name a schema: pandera's SchemaError, awswrangler's InvalidSchemaConvergence, Avro's
        # SchemaParseException. Not the registry that keeps schemas, nor requests' MissingSchema (of an address).
        text=pattern(r"^(?!\w*Registry)\w{0,60}Schema\w{0,60}(?:Exception|Errors?|Convergence|Mismatch): "),
        reading=Reading.DRIFT_OR_CODE,
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="validation",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="a record does not fit the model that the code holds of it",
        # pydantic's and jsonschema's words.
        text=pattern(r"\d{1,5} validation errors? for \w", r"is a required property", r"is not of type '"),
        reading=Reading.DRIFT_OR_CODE,
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="clustering",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="records do not arrive in the order that the table's partitioning needs",
        text=pattern(r"violate the writer assumption that records are clustered"),
        reading=Reading.DRIFT_OR_CODE,
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="python-conversion",
        mode=FailureMode.CAST_FAILURE,
        says="a value cannot be converted",
        text=pattern(
            r"could not convert string to",
            r"invalid literal for \w{1,12}\(\)",
            r"does not match format '",
            r"unconverted data remains",
            r"Unknown string format",
            r"ConversionSyntax|InvalidOperation: \[",
            r"Invalid isoformat string",
            r"Unable to parse string ",
            r"cannot convert float NaN to integer",
        ),
        reading=Reading.DRIFT_OR_CODE,
    ),
    Rule(
        id="arrow-schema",
        mode=FailureMode.CONTRACT_MISMATCH,
        says="the data does not fit the Arrow schema",
        exceptions=words("ArrowInvalid ArrowTypeError ArrowKeyError SchemaError SchemaErrors"),
        reading=Reading.DRIFT_OR_CODE,
    ),
)
