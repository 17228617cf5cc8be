package answer

import (
	"errors"
	"regexp"
	"strings"
)

// ExplainWrite is Explain for a request that holds a secret. Its error repeats no word of
// Secrets Manager's but the code and the request ID: a server, or a proxy in between, may
// quote the secret in any form. What its message is about is said in words of our own.
func (s Sentinels) ExplainWrite(err error) *Failure {
	f := s.Bare(err)
	code := Code(err)
	switch {
	case SaysDeleted(err):
		f.Sentinel, f.Definite = s.PendingDeletion, true
		return f
	case code == "EncryptionFailure":
		f.Sentinel, f.Definite = s.AccessDenied, true
	case refusals[code] != "":
		f.Sentinel, f.Definite = s.Refused, true
	}
	var kept *apiError
	if errors.As(f, &kept) {
		kept.message = describeRefusal(err)
		f.Detail = kept.Error()
	}
	return f
}

// refusals are the codes of a write that would be refused again, and what each means.
// Source: the errors of CreateSecret, PutSecretValue and UpdateSecretVersionStage in the
// API reference, and the common errors.
var refusals = map[string]string{
	"ValidationException":              "a parameter has a form that Secrets Manager does not take",
	"InvalidParameterException":        "a parameter has a value that Secrets Manager does not take",
	"InvalidRequestException":          "the state of the secret does not allow the request",
	"LimitExceededException":           "a quota of Secrets Manager is reached: remove what is not used, or have the quota raised",
	"MalformedPolicyDocumentException": "the resource policy is not valid",
	"PublicPolicyException":            "the resource policy would allow access to the public",
	"PreconditionNotMetException":      "a precondition of the request is not met",
	"ResourceExistsException":          "the name or the version ID is taken by something else",
}

// IsRefusal tells whether the code of an error says that a write would be refused again.
func IsRefusal(err error) bool { return refusals[Code(err)] != "" }

// options are the parts of a request that a caller chooses, and how a message names them.
var options = []struct {
	says *regexp.Regexp
	is   string
}{
	{regexp.MustCompile(`(?i)\bat 'kmsKeyId`), "KMSKeyID"},
	{regexp.MustCompile(`(?i)\bat 'tags`), "Tags"},
	{regexp.MustCompile(`(?i)\bat 'description`), "Description"},
	{regexp.MustCompile(`(?i)\bat '(secretString|secretBinary)`), "the value"},
	{regexp.MustCompile(`(?i)\bat '(clientRequestToken|versionId)`), "the version ID"},
	{regexp.MustCompile(`(?i)\bKMS\b`), "KMSKeyID"},
	{regexp.MustCompile(`(?i)\btags?\b`), "Tags"},
	{regexp.MustCompile(`(?i)\bdescription\b`), "Description"},
}

// describeRefusal says in fixed words what a refusal is about; "" where it is none.
func describeRefusal(err error) string {
	text := refusals[Code(err)]
	if Code(err) == "EncryptionFailure" {
		text = "the KMS key (KMSKeyID) cannot encrypt: check that it exists, is enabled, and may be used by the caller"
	}
	if text == "" || strings.Contains(text, "KMSKeyID") {
		return text
	}
	message := messageOf(err)
	for _, option := range options {
		if option.says.MatchString(message) {
			return text + "; it is about " + option.is
		}
	}
	return text
}

// codeForm is the form of every error code of AWS; requestIDForm that of request IDs.
var (
	codeForm      = regexp.MustCompile(`^[A-Za-z][A-Za-z.]{0,63}$`)
	requestIDForm = regexp.MustCompile(`^[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}$`)
)

// bare is what is kept of an AWS error where none of its words may be.
func (e *apiError) bare() *apiError {
	kept := &apiError{code: e.code, requestID: e.requestID, fault: e.fault}
	if kept.code != "" && !codeForm.MatchString(kept.code) {
		kept.code = "UnknownError" // as the SDK calls an error without a code
	}
	if !requestIDForm.MatchString(kept.requestID) {
		kept.requestID = ""
	}
	return kept
}
