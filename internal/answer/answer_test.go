package answer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errUnavailable     = errors.New("unavailable")
	errNotFound        = errors.New("not found")
	errAccessDenied    = errors.New("access denied")
	errPendingDeletion = errors.New("pending deletion")
	errRefused         = errors.New("refused")

	sentinels = answer.Sentinels{Refused: errRefused, Unavailable: errUnavailable, NotFound: errNotFound, AccessDenied: errAccessDenied, PendingDeletion: errPendingDeletion}
)

const (
	requestID = "11111111-2222-4333-8444-555555555555"
	deleted   = "You can't perform this operation on the secret because it was marked for deletion."
)

// sdk wraps an error as the SDK does: in an HTTP response, which holds the signed
// request, and in the operation.
func sdk(err error) error {
	return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "GetSecretValue", Err: &awshttp.ResponseError{
		RequestID: requestID,
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{
				StatusCode: http.StatusBadRequest,
				Request:    &http.Request{Header: http.Header{"X-Amz-Security-Token": {"token"}}},
			}},
			Err: err,
		},
	}}
}

func coded(code, message string) error {
	return sdk(&smithy.GenericAPIError{Code: code, Message: message, Fault: smithy.FaultClient})
}

// answers are what each way of explaining makes of an error: a sentinel, and whether it
// is definite.
var answers = []struct {
	name              string
	err               error
	read, write       error // the sentinel; of Explain it is read's, but for a deletion
	definite, written bool  // definite to a reader, and to a writer
}{
	{"no such secret", sdk(&types.ResourceNotFoundException{}), errNotFound, errNotFound, true, true},
	{"a denial of IAM's", secretstest.AccessDenied(), errAccessDenied, errAccessDenied, true, true},
	{"a denial of KMS's", secretstest.KMSDenied(), errAccessDenied, errAccessDenied, true, true},
	{"a key that does not decrypt", sdk(&types.DecryptionFailure{}), errAccessDenied, errAccessDenied, true, true},
	{"a key that does not encrypt", sdk(&types.EncryptionFailure{}), errUnavailable, errAccessDenied, false, true},
	{"a deletion", coded("InvalidRequestException", deleted), errPendingDeletion, errPendingDeletion, true, true},
	{"another invalid request", coded("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."), errUnavailable, errRefused, false, true},
	{"a deletion, by its text alone", coded("InvalidParameterException", deleted), errUnavailable, errRefused, false, true},
	{"an id that is taken", sdk(&types.ResourceExistsException{}), errUnavailable, errRefused, false, true},
	{"a refused shape", coded("ValidationException", ""), errUnavailable, errRefused, false, true},
	{"a quota", sdk(&types.LimitExceededException{}), errUnavailable, errRefused, false, true},
	{"a policy that is none", sdk(&types.MalformedPolicyDocumentException{}), errUnavailable, errRefused, false, true},
	{"a policy for everybody", sdk(&types.PublicPolicyException{}), errUnavailable, errRefused, false, true},
	{"a precondition", sdk(&types.PreconditionNotMetException{}), errUnavailable, errRefused, false, true},
	{"too many requests", secretstest.Throttling(), errUnavailable, errUnavailable, false, false},
	{"a failure of the service", secretstest.InternalError(), errUnavailable, errUnavailable, false, false},
	{"expired credentials", secretstest.ExpiredToken(), errUnavailable, errUnavailable, false, false},
	{"a code that nobody knows", coded("SomethingNew", ""), errUnavailable, errUnavailable, false, false},
	{"an empty code", coded("", ""), errUnavailable, errUnavailable, false, false},
	{"a broken connection", secretstest.ConnectionReset(), errUnavailable, errUnavailable, false, false},
	{"a deadline", &smithy.CanceledError{Err: context.DeadlineExceeded}, errUnavailable, errUnavailable, false, false},
	{"anything", errors.New("anything"), errUnavailable, errUnavailable, false, false},
}

func TestExplain(t *testing.T) {
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			explained := tt.read
			if explained == errPendingDeletion { //nolint:errorlint // which of the five it is
				explained = errUnavailable
			}
			for way, c := range map[string]struct {
				failure  *answer.Failure
				sentinel error
				definite bool
			}{
				"Explain":      {sentinels.Explain(tt.err), explained, tt.definite && explained == tt.read}, //nolint:errorlint // the same
				"Bare":         {sentinels.Bare(tt.err), explained, tt.definite && explained == tt.read},    //nolint:errorlint // the same
				"ExplainRead":  {sentinels.ExplainRead(tt.err), tt.read, tt.definite},
				"ExplainWrite": {sentinels.ExplainWrite(tt.err), tt.write, tt.written},
			} {
				checkSentinel(t, way, c.failure, c.sentinel)
				if c.failure.Definite != c.definite {
					t.Errorf("%s: definite is %v", way, !c.definite)
				}
				checkCutOff(t, way, c.failure)
				checkCode(t, way, c.failure, answer.Code(tt.err))
			}
		})
	}
}

func checkSentinel(t *testing.T, way string, f *answer.Failure, want error) {
	t.Helper()
	for _, sentinel := range []error{errUnavailable, errNotFound, errAccessDenied, errPendingDeletion, errRefused} {
		if errors.Is(f, sentinel) != (sentinel == want) { //nolint:errorlint // which of the five it is
			t.Errorf("%s: %v, want %v", way, f, want)
		}
	}
}

// checkCutOff wants nothing that leads to the HTTP exchange.
func checkCutOff(t *testing.T, way string, f *answer.Failure) {
	t.Helper()
	var (
		response  *awshttp.ResponseError
		transport *smithyhttp.ResponseError
		sending   *smithyhttp.RequestSendError
		operation *smithy.OperationError
		parsing   *smithy.DeserializationError
		address   *url.Error
		generic   *smithy.GenericAPIError
		status    interface{ HTTPStatusCode() int }
		exchange  interface{ HTTPResponse() *smithyhttp.Response }
	)
	for _, target := range []any{&response, &transport, &sending, &operation, &parsing, &address, &generic, &status, &exchange} {
		if errors.As(f, target) {
			t.Errorf("%s: a %T can be reached", way, target)
		}
	}
}

// checkCode wants what the service said, and only where it said something.
func checkCode(t *testing.T, way string, f *answer.Failure, code string) {
	t.Helper()
	var api smithy.APIError
	if errors.As(f, &api) != (f.Cause != nil) || api != nil && api.ErrorCode() != code || answer.Code(f) != code {
		t.Errorf("%s: %v, want the code %q", way, f, code)
	}
}

func TestWhatIsKept(t *testing.T) {
	err := sdk(&smithy.GenericAPIError{Code: "AccessDeniedException", Message: "the message", Fault: smithy.FaultServer})
	const bare, full = "AccessDeniedException, request " + requestID, "AccessDeniedException: the message, request " + requestID
	for way, c := range map[string]struct {
		failure       *answer.Failure
		text, message string
	}{
		"Explain":      {sentinels.Explain(err), full, "the message"},
		"ExplainRead":  {sentinels.ExplainRead(err), full, "the message"},
		"Bare":         {sentinels.Bare(err), bare, ""},
		"ExplainWrite": {sentinels.ExplainWrite(err), bare, ""},
	} {
		if got, want := c.failure.Error(), "access denied ("+c.text+")"; got != want {
			t.Errorf("%s: %q, want %q", way, got, want)
		}
		var api smithy.APIError
		var requested interface{ ServiceRequestID() string }
		if !errors.As(c.failure, &api) || !errors.As(c.failure, &requested) {
			t.Fatalf("%s: it is no error of the service's any more", way)
		}
		if api.Error() != c.text || api.ErrorMessage() != c.message || api.ErrorFault() != smithy.FaultServer || requested.ServiceRequestID() != requestID {
			t.Errorf("%s: %v, message %q, fault %v, request %q", way, api, api.ErrorMessage(), api.ErrorFault(), requested.ServiceRequestID())
		}
	}
}

// A write holds a secret, and a server may repeat what it was sent.
func TestWritesRepeatNoMessage(t *testing.T) {
	secret := rand.Text()
	for _, code := range []string{"ValidationException", "AccessDeniedException", "EncryptionFailure", "InvalidRequestException", "SomethingNew"} {
		for _, message := range []string{secret, secret + " marked for deletion", strings.Repeat(secret, 1000)} {
			for way, f := range map[string]*answer.Failure{
				"ExplainWrite": sentinels.ExplainWrite(coded(code, message)),
				"Bare":         sentinels.Bare(coded(code, message)),
			} {
				checkQuiet(t, way+" of "+code, f, secret)
			}
		}
	}
}

// What is no answer may hold anything, to readers too.
func TestNoAnswerIsNotQuoted(t *testing.T) {
	secret := rand.Text()
	for _, err := range []error{
		errors.New(secret),
		fmt.Errorf("%s: %w", secret, errors.New(secret)),
		errors.Join(errors.New(secret), io.EOF),
		&smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "PutSecretValue", Err: errors.New(secret)},
		&smithy.SerializationError{Err: errors.New(secret)},
		&smithy.DeserializationError{Err: errors.New(secret), Snapshot: []byte(secret)},
		&smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://" + secret + "@proxy.invalid/", Err: errors.New(secret)}},
		&net.OpError{Op: "read", Net: "tcp", Err: errors.New(secret)},
		fmt.Errorf("%s: %w", secret, context.Canceled),
		fmt.Errorf("%s: %w", secret, context.DeadlineExceeded),
	} {
		for way, f := range map[string]*answer.Failure{
			"Explain": sentinels.Explain(err), "ExplainRead": sentinels.ExplainRead(err),
			"Bare": sentinels.Bare(err), "ExplainWrite": sentinels.ExplainWrite(err),
		} {
			checkQuiet(t, fmt.Sprintf("%s of a %T", way, err), f, secret)
			if f.Cause != nil {
				t.Errorf("%s: a %T is kept", way, f.Cause)
			}
		}
	}
}

func checkQuiet(t *testing.T, what string, f *answer.Failure, secret string) {
	t.Helper()
	var api smithy.APIError
	texts := []string{f.Error(), f.Detail, fmt.Sprintf("%+v %#v %s", f, f, f.Cause)}
	if errors.As(f, &api) {
		texts = append(texts, api.Error(), api.ErrorMessage())
	}
	for _, text := range texts {
		if strings.Contains(text, secret) {
			t.Errorf("%s repeats what was sent", what)
		}
	}
}

// What an operator needs to know of a call without an answer.
func TestNoAnswerSays(t *testing.T) {
	resolver := &net.DNSError{Err: "no such host", Name: "secretsmanager.invalid", IsNotFound: true}
	address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	for _, tt := range []struct {
		err  error
		says string
	}{
		{context.DeadlineExceeded, "no answer in time"},
		{&smithy.CanceledError{Err: context.Canceled}, "the call was cancelled"},
		{os.ErrDeadlineExceeded, "no answer in time"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: resolver}, "lookup secretsmanager.invalid: no such host"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "dial tcp 192.0.2.1:443: connection refused"},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, "read tcp: no answer in time"},
		{&net.OpError{Op: "read", Net: "tcp", Err: io.EOF}, "read tcp: the connection failed"},
		{&smithy.DeserializationError{Err: io.EOF}, "the answer could not be read"},
		{fmt.Errorf("outer: %w", io.EOF), "the call failed before an answer came (*errors.errorString): check credentials, Region and network"},
	} {
		f := sentinels.Explain(sdkSend(tt.err))
		if want := "unavailable (" + tt.says + ")"; f.Error() != want || f.Detail != tt.says {
			t.Errorf("%q, want %q", f, want)
		}
	}
}

func sdkSend(err error) error {
	return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "GetSecretValue", Err: err}
}

func TestUnanswered(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"a broken connection", secretstest.ConnectionReset(), true},
		{"a deadline", context.DeadlineExceeded, true},
		{"anything", errors.New("anything"), true},
		{"a failure of the service", secretstest.InternalError(), true},
		{"too many requests", secretstest.Throttling(), false},
		{"a denial", secretstest.AccessDenied(), false},
		{"an answer of nobody's fault", sdk(&smithy.GenericAPIError{Code: "SomethingNew"}), false},
		{"as it was explained", sentinels.ExplainWrite(secretstest.InternalError()), true},
		{"as a denial was explained", sentinels.ExplainWrite(secretstest.AccessDenied()), false},
	} {
		if got := answer.Unanswered(tt.err); got != tt.want {
			t.Errorf("%s: Unanswered = %v", tt.name, got)
		}
	}
}

func TestSaysDeletedAndCode(t *testing.T) {
	for _, tt := range []struct {
		err     error
		deleted bool
		code    string
	}{
		{nil, false, ""},
		{errors.New("marked for deletion"), false, ""},
		{coded("InvalidRequestException", deleted), true, "InvalidRequestException"},
		{coded("InvalidRequestException", "something else"), false, "InvalidRequestException"},
		{coded("ValidationException", deleted), false, "ValidationException"},
		{sdk(&types.ResourceExistsException{}), false, "ResourceExistsException"},
		{fmt.Errorf("around: %w", secretstest.Throttling()), false, "ThrottlingException"},
	} {
		if got := answer.SaysDeleted(tt.err); got != tt.deleted {
			t.Errorf("SaysDeleted(%v) = %v", tt.err, got)
		}
		if got := answer.Code(tt.err); got != tt.code {
			t.Errorf("Code(%v) = %q", tt.err, got)
		}
	}
}

func TestFailure(t *testing.T) {
	cause := errors.New("cause")
	definite := answer.Definite(errNotFound, "%d of %s", 1, "them")
	transient := sentinels.Transient("%d of %s", 1, "them")
	for _, tt := range []struct {
		failure  *answer.Failure
		text     string
		sentinel error
		definite bool
	}{
		{definite, "not found (1 of them)", errNotFound, true},
		{transient, "unavailable (1 of them)", errUnavailable, false},
		{&answer.Failure{Sentinel: errNotFound}, "not found", errNotFound, false},
		{&answer.Failure{Sentinel: errNotFound, Cause: cause}, "not found", errNotFound, false}, // which may say anything
	} {
		if tt.failure.Error() != tt.text || tt.failure.Definite != tt.definite || !errors.Is(tt.failure, tt.sentinel) {
			t.Errorf("%q, definite %v, want %q", tt.failure, tt.failure.Definite, tt.text)
		}
		if errors.Is(tt.failure, cause) != (tt.failure.Cause != nil) {
			t.Errorf("%q: the cause is found: %v", tt.failure, tt.failure.Cause == nil)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a text", "Rate exceeded: é 語", "Rate exceeded: é 語"},
		{"line breaks", "a\r\nb\u2028c\u0085d", "a  b c d"},
		{"escapes and controls", "a\x1b[31mb\x00c\u202ed\ufeffe", "a [31mb c d e"},
		{"a long one", strings.Repeat("x", 5000), strings.Repeat("x", 1024)},
	} {
		if got := answer.Printable(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, text := range []string{"a\xffb", strings.Repeat("\xff", 5000), strings.Repeat("x", 1023) + "語", strings.Repeat("x", 1022) + "é語"} {
		got := answer.Printable(text)
		if len(got) > 1024 || strings.ContainsRune(got, '\ufffd') {
			t.Errorf("%d bytes come of %d that are no text, or cut one in two", len(got), len(text))
		}
	}
}
