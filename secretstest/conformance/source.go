package conformance

// source is where a behaviour is known from.
type source struct {
	kind  kind
	where string
}

func (s source) String() string { return string(s.kind) + s.where }

// kind is how much a source is worth, best first.
type kind string

const (
	// An answer of the service, kept by LocalStack's test of that name.
	byRecording kind = "LocalStack, tests/aws/services/secretsmanager/test_secretsmanager.snapshot.json, recorded on AWS: "
	// A test that its authors have run against the service.
	byVerification kind = "test verified against AWS: "
	// The service's own text, in somebody's report.
	byReport kind = "reported with the service's own text: "
	byPage   kind = "https://docs.aws.amazon.com/secretsmanager/latest/"
	// The answers in the examples of the AWS CLI.
	byExample kind = "https://github.com/aws/aws-cli/blob/develop/awscli/examples/"
	byIAM     kind = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
	byModel   kind = "service model secretsmanager 2017-10-17"
	// Known from nowhere: what secretstest chose.
	byChoice kind = "not recorded; the choice of secretstest"
)

func recorded(test string) source   { return source{byRecording, test} }
func verified(test string) source   { return source{byVerification, test} }
func reported(where string) source  { return source{byReport, where} }
func documented(page string) source { return source{byPage, page} }
func iam(page string) source        { return source{byIAM, page} }

var (
	model  = source{kind: byModel}
	ours   = source{kind: byChoice}
	quotas = documented("userguide/reference_limits.html")
)
