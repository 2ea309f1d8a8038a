"""PERMISSION_ERROR: a service, a catalog or a database refused."""

from pipetriage.detectors.rules import Rule, RuleBook, hints, pattern, strongest, unique, words
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength

# Most specific service first: a Lake Formation or KMS refusal often arrives inside an S3 or Glue one.
# Sources: IAM's "access denied error messages", Glue's and Lake Formation's troubleshooting pages, the services'
# API models (error codes), S3A's and the AWS SDKs' message forms, the databases' own error catalogues.
RULES: tuple[Rule, ...] = (
    Rule(
        id="credentials-expired",
        mode=FailureMode.CREDENTIALS_INVALID,
        says="the credentials had expired",
        # Either a session outlived its hour (a rerun may pass) or role chaining is set up wrongly: not sure.
        ceiling=Strength.MODERATE,
        text=pattern(
            r"\bExpiredToken",
            r"\bRequestExpired\b",
            r"security token included in the request is expired",
            r"provided token has expired",
        ),
    ),
    Rule(
        id="credentials-invalid",
        mode=FailureMode.CREDENTIALS_INVALID,
        says="the credentials were not accepted",
        exceptions=words("NoCredentialsError PartialCredentialsError NoAuthWithAWSException CredentialsNotFoundError"),
        # The last provider asked is an instance's metadata address: beneath stands its timeout, an effect.
        overrides=True,
    ),
    Rule(
        id="credentials-refused",
        mode=FailureMode.CREDENTIALS_INVALID,
        says="the credentials were not accepted",
        text=pattern(
            r"\bInvalidAccessKeyId\b",
            r"\bInvalidClientTokenId\b",
            r"\bUnrecognizedClientException\b",
            r"\bSignatureDoesNotMatch\b",
            r"\bInvalidToken\b",
            r"\bIncompleteSignature\b",
            r"unable to load credentials",
            r"unable to locate credentials",
            r"security token included in the request is invalid",
            r"\b(?:JWT|access|bearer|OAuth2?|refresh|id) ?token (?:is|was) (?:invalid|not valid)",
        ),
    ),
    Rule(
        id="kms",
        mode=FailureMode.KMS_DENIED,
        says="KMS refused the use of the key",
        text=pattern(
            r"\bkms:[A-Z]\w{2,40}",
            r"\bKMS\.(?:NotFound|Disabled|InvalidState)Exception",
            r"\bGlueEncryptionException\b",
            r"ciphertext refers to a customer master key",
            r"\bKMSAccessDenied",
            r"\bKMSInvalidStateException\b",
            r"\bKeyUnavailableException\b",
            r"Service: (?:AWS)?Kms,? ?.{0,80}(?:AccessDenied|Status Code: 403)",
        ),
    ),
    Rule(
        id="lake-formation",
        mode=FailureMode.LAKE_FORMATION_DENIED,
        says="Lake Formation refused access",
        text=pattern(
            r"insufficient lake ?formation permission",
            r"\blakeformation:\w{3,40}",
            r"Service: (?:AWS)?LakeFormation\b",
            r"\bGetTemporaryGlue(?:Table|Partition)Credentials\b",
            r"failed to get vending credential",
            r"\bPermissionTypeMismatchException\b",
            r"lake ?formation.{0,120}(?:denied|not authorized|not allowed)",
            r"The S3 location: .{0,300} is not registered",
        ),
    ),
    Rule(
        id="service-role",
        mode=FailureMode.IAM_DENIED,
        says="the job's role may not be used",
        text=pattern(
            r"should be given assume role permissions",
            r"\biam:PassRole\b",
            r"\bsts:AssumeRole\w{0,30}",
            r"\b(?:DescribeVpcEndpoints|DescribeRouteTables) action is unauthorized",
            r"failed to call ec2:Describe",
        ),
    ),
    Rule(
        id="s3",
        mode=FailureMode.S3_DENIED,
        says="S3 refused access",
        text=pattern(
            r"\bs3:[A-Z]\w{2,40}",
            r"\bAllAccessDisabled\b",
            r"\bAccountProblem\b",
            r"Service: (?:Amazon ?)?S3[;,].{0,60}Status Code: 403",
            r"AmazonS3Exception: (?:Access Denied|Forbidden)",
            r"Access ?Denied.{0,80}\b(?:S3|Get|Put|List|Head|Delete)\w{0,12}(?:Objects?|Bucket|V2) operation",
            r"\(AccessDenied\) when calling the \w{3,60} operation",
            r"s3[an]?://.{0,1500}\b(?:Forbidden|Access ?Denied)",
            r"Error downloading from S3.{0,600}(?:Access Denied|Forbidden)",
            r"when calling the HeadObject operation: Forbidden",
            r"(?:Forbidden|Access ?Denied).{0,600}s3[an]?://",
            r"\bACCESS_DENIED during \w{3,20} operation",
        ),
    ),
    Rule(
        id="catalog",
        mode=FailureMode.CATALOG_DENIED,
        says="the catalog refused access",
        text=pattern(
            r"\bglue:[A-Z]\w{2,40}",
            r"Service: (?:AWS)?Glue[;,].{0,80}AccessDenied",
            r"Glue cannot access the requested resources",
            r"insufficient Glue permissions",
            r"AccessDeniedException\) when calling the (?:Get|Create|Update|Delete|Batch)\w{0,24}"
            r"(?:Table|Tables|Database|Databases|Partition|Partitions) operation",
        ),
    ),
    Rule(
        id="iam",
        mode=FailureMode.IAM_DENIED,
        says="IAM refused the call",
        text=pattern(
            r"is not authorized to perform",
            r"with an explicit deny in an? ",
            r"because no [\w -]{3,40} policy allows",
            r"no permissions boundary allows",
            r"\bUnauthorizedOperation\b",
            r"\bAccessDeniedException\b",
            r"\bUnauthorizedAccess\w{0,20}\b",
            r"\bNotAuthorizedException\b",
            # Athena says of every unknown column that it "cannot be resolved or requester is not authorized".
            r"(?<!cannot be resolved or requester is )not authorized to (?:access|assume|call)",
            r"\bOptInRequired\b",
            r"Error Code: AccessDenied",
            r"\(AccessDenied\w{0,12}\)",
        ),
    ),
    Rule(
        id="database",
        mode=FailureMode.DATABASE_DENIED,
        says="the database refused the login or the statement",
        text=pattern(
            # MySQL, PostgreSQL and Redshift, Oracle, SQL Server, Snowflake.
            r"Access denied for user",
            r"password authentication failed",
            r"no pg_hba\.conf entry",
            r"permission denied for (?:relation|schema|table|database|sequence|function|view)",
            r"must be owner of (?:relation|table|schema)",
            r"\bORA-(?:01017|01031|28000|28001|01045)\b",
            r"Login failed for user",
            r"permission was denied on the object",
            r"Incorrect username or password",
            r"command denied to user",
            # MongoDB, Snowflake, Hive's and Ranger's privileges.
            r"not authorized on \S{1,200} to execute",
            r"Authentication failed",
            r"does not have .{0,20}privileges?\b",
        ),
    ),
    Rule(
        id="refused",
        mode=FailureMode.IAM_DENIED,
        says="access was refused",
        exceptions=words(
            "InsufficientPrivilege InvalidPassword InvalidAuthorizationSpecification PermissionDenied Unauthorized "
            "AccessDeniedException AccessControlException ForbiddenException NotAuthorizedException "
            "S3AccessDeniedException UnauthorizedException PermissionError NotAuthorizedError "
            "ForbiddenError AuthorizationException ClientAuthError AuthenticationException "
            "AccessDeniedError UnauthorizedError"
        ),
    ),
    Rule(
        id="refused-by-class",
        mode=FailureMode.IAM_DENIED,
        says="access was refused",
        text=pattern(
            r"^\w{0,60}(?:AccessControl|AccessDenied|Unauthori[sz]ed|NotAuthori[sz]ed|Authori[sz]ation|Authentication)"
            r"\w{0,40}(?:Exception|Error): "
        ),
    ),
    Rule(
        id="refused-in-words",
        mode=FailureMode.IAM_DENIED,
        says="access was refused",
        text=pattern(
            r"\baccess denied\b",
            r"\bAccessDenied\b",
            r"status code:? 403\b",
            r"\b403 Forbidden\b",
            r"\b40[13] Client Error\b",
            r"\bHTTP (?:Error )?403\b",
            r"\bHTTP response code:? 40[13]\b",
            r"(?:error|status|response)[ _](?:code|occurred) ?[:(=]? ?403\b",
            r"permission denied",
            r"\bPERMISSION_DENIED\b",
            r"permission \S{1,120} denied",
            r"insufficient (?:privileges|permissions)",
            r"not allowed to access",
            r"\bis (?:unauthorized|forbidden)(?: for|:)",
            r"doesn't have (?:access|permission)",
            r"does not have (?:\S{1,80} ){1,6}?(?:permission|privilege|access|role)s?\b",
            r"(?:failed|responded|returned|answered)(?: with)?:? (?:HTTP )?403\b",
        ),
    ),
    Rule(
        id="mkdirs",
        mode=FailureMode.IAM_DENIED,
        says="a folder could not be made, as where the permission to write is missing",
        # Hadoop's file systems say no more than this; a read-only or full disk says the same.
        ceiling=Strength.MODERATE,
        text=pattern(r"Mkdirs failed to create"),
    ),
    Rule(
        id="condition",
        mode=FailureMode.CATALOG_DENIED,
        says="access was refused",
        conditions=words("CANNOT_RESTORE_PERMISSIONS_FOR_PATH INSUFFICIENT_PERMISSIONS PERMISSION_DENIED"),
    ),
)


class PermissionRefused:
    """Finds refusals; CloudTrail's denied calls make an unsure one sure."""

    id = "permission_error"
    summary = "A service, a catalog or a database refused access, or the credentials were not accepted."

    def __init__(self, book: RuleBook) -> None:
        self._book = book

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from refusals in the log, then from the audit trail."""
        denials = tuple(denial.evidence for denial in context.facts.denials)
        found = []
        for hit in self._book.hits(context):
            if hit.rule.category is Category.PERMISSION_ERROR:
                # A refused call in CloudTrail is a second, independent witness.
                sure = bool(denials) and hit.error.terminal and not hit.error.survived
                expired = hit.rule.id == "credentials-expired"
                strength = Strength.STRONG if sure and not expired else hit.strength
                found.append(hit.finding(self.id, strength=strength, extra=denials[:3]))
        if not found:
            found.extend(self._from_audit_trail(context))
        return strongest(found) or strongest(hints(context, Category.PERMISSION_ERROR, self.id))

    def _from_audit_trail(self, context: Context) -> list[Finding]:
        denials = context.facts.denials
        run = context.facts.run
        if not denials or run.succeeded:
            return []
        first = denials[0]
        where = f" on {first.resource}" if first.resource else ""
        alone = not context.terminal_errors
        return [
            Finding(
                detector=f"{self.id}/audit-trail",
                category=Category.PERMISSION_ERROR,
                failure_mode=FailureMode.IAM_DENIED,
                # Jobs try calls that they can do without; a refusal that no error tells of may be one.
                strength=Strength.MODERATE if alone else Strength.WEAK,
                statement=f"CloudTrail: {first.event_source} refused {first.event_name}{where} ({first.error_code})",
                evidence=unique(denial.evidence for denial in denials[:5]),
            )
        ]
