package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"unsafe"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Of the service's answer its code, message, fault and request id are kept, but for the
// message of a request that holds a secret, and
// nothing that leads to the HTTP exchange.
func TestServiceErrorsAreCopied(t *testing.T) {
	for _, tt := range []struct {
		what, name, operation string
		call                  func(*testing.T, *tenantsecrets.Client) error
	}{
		{"a description", hmacName, "DescribeSecret", readTenant},
		{"a value", hmacName, "GetSecretValue", readTenant},
		{"a verification", hmacName, "DescribeSecret", func(t *testing.T, c *tenantsecrets.Client) error {
			return c.VerifyHMAC(t.Context(), tenant, nil, strings.Repeat("0", 64))
		}},
		{"another kind", "prod/formbridge/t_abc123/destinations/webhook1/api_key", "DescribeSecret", func(t *testing.T, c *tenantsecrets.Client) error {
			_, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			return err
		}},
		{"a creation", hmacName, "CreateSecret", createTenant},
		{"a creation that looks for its version", hmacName, "GetSecretValue", createTenant},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New()}
			store(t, b.Backend, hmacName, document(t, nil))
			b.Inject(secretstest.Fault{Operation: tt.operation, Err: secretstest.InternalError()})
			var requestID string
			b.describe, b.get, b.create = sealing[secretsmanager.DescribeSecretOutput](&requestID),
				sealing[secretsmanager.GetSecretValueOutput](&requestID), sealing[secretsmanager.CreateSecretOutput](&requestID)

			err := tt.call(t, newClient(t, b))
			var api smithy.APIError
			if !errors.As(err, &api) {
				t.Fatalf("%v is no smithy.APIError", err)
			}
			message := "An error occurred on the server side."
			if tt.operation == "CreateSecret" {
				message = "" // what is sent holds a secret, and a server may repeat it
			}
			if api.ErrorCode() != "InternalServiceError" || api.ErrorMessage() != message || api.ErrorFault() != smithy.FaultServer {
				t.Errorf("code %q, message %q, fault %v", api.ErrorCode(), api.ErrorMessage(), api.ErrorFault())
			}
			var requested interface{ ServiceRequestID() string }
			if !errors.As(err, &requested) || requestID == "" || requested.ServiceRequestID() != requestID {
				t.Errorf("%v does not have the request id %q", err, requestID)
			}
			for _, part := range []string{tt.name, api.ErrorCode(), api.ErrorMessage(), requestID} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not mention %q", err, part)
				}
			}
			checkCutOff(t, err)
		})
	}
}

func readTenant(t *testing.T, c *tenantsecrets.Client) error {
	_, err := c.TenantSecret(t.Context(), tenant)
	return err
}

func createTenant(t *testing.T, c *tenantsecrets.Client) error {
	_, err := c.CreateTenant(t.Context(), tenant)
	return err
}

// sealing notes the request id of failures, and gives the response the request
// that the SDK's has.
func sealing[Out any](requestID *string) func(*Out, error) (*Out, error) {
	return func(out *Out, err error) (*Out, error) {
		var response *awshttp.ResponseError
		if errors.As(err, &response) {
			*requestID = response.ServiceRequestID()
			response.Response.Request = &http.Request{Header: http.Header{"X-Amz-Security-Token": {"secret"}}}
		}
		return out, err
	}
}

// checkCutOff walks everything an error leads to, by Unwrap and by its fields.
func checkCutOff(t *testing.T, err error) {
	t.Helper()
	var operation *smithy.OperationError
	var response *awshttp.ResponseError
	var transport *smithyhttp.ResponseError
	if errors.As(err, &operation) || errors.As(err, &response) || errors.As(err, &transport) {
		t.Errorf("the SDK's own error can be reached from %v", err)
	}
	for _, forbidden := range []reflect.Type{reflect.TypeFor[http.Response](), reflect.TypeFor[http.Request]()} {
		if reaches(reflect.ValueOf(err), forbidden, make(map[pointer]bool)) {
			t.Errorf("a %v can be reached from %v", forbidden, err)
		}
	}
}

// pointer is one that has been followed. A struct and its first field have one
// address.
type pointer struct {
	to unsafe.Pointer
	of reflect.Type
}

// reaches tells whether a value of a type is behind a value, in fields that are
// not exported too.
func reaches(v reflect.Value, target reflect.Type, seen map[pointer]bool) bool {
	if v.IsValid() && v.Type() == target {
		return true
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := pointer{v.UnsafePointer(), v.Type()}
		if v.IsNil() || seen[p] {
			return false
		}
		seen[p] = true
		return reaches(v.Elem(), target, seen)
	case reflect.Interface:
		return !v.IsNil() && reaches(v.Elem(), target, seen)
	case reflect.Struct:
		for _, field := range v.Fields() {
			if reaches(field, target, seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if reaches(v.Index(i), target, seen) {
				return true
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if reaches(v.MapIndex(key), target, seen) {
				return true
			}
		}
	}
	return false
}

// noAnswers are the ways in which a call can end without one, by the secret text
// that must not come through. says is what an operator needs to know.
var noAnswers = []struct {
	what string
	err  func(secret string) error
	says string
}{
	{"a refused connection", func(string) error {
		return sent(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
	}, "dial tcp: connection refused"},
	{"a network error with a text of its own", func(secret string) error {
		return sent(&net.OpError{Op: "read", Net: "tcp", Err: errors.New(secret)})
	}, "read tcp: the connection failed"},
	{"a timeout with a text of its own", func(secret string) error {
		return sent(&net.OpError{Op: "read", Net: "tcp", Err: timeout(secret)})
	}, "read tcp: no answer in time"},
	{"a name that cannot be found", func(string) error {
		return sent(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "secretsmanager.invalid", IsNotFound: true}})
	}, "lookup secretsmanager.invalid: no such host"},
	{"a timeout of the network", func(string) error { return sent(os.ErrDeadlineExceeded) }, "no answer in time"},
	{"a deadline of the API's own", func(string) error {
		return sent(&smithy.CanceledError{Err: context.DeadlineExceeded})
	}, "no answer in time"},
	{"a cancellation of the API's own", func(string) error { return context.Canceled }, "cancelled"},
	{"an answer cut short", func(string) error { return sent(io.ErrUnexpectedEOF) }, "*errors.errorString"},
	{"an unknown authority", func(string) error {
		return sent(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	}, "x509.UnknownAuthorityError"},
	{"an answer that cannot be parsed", func(secret string) error {
		return operation(&smithy.DeserializationError{Err: errors.New(secret), Snapshot: []byte(secret)})
	}, "could not be read"},
	{"a request that cannot be made", func(secret string) error {
		return operation(&smithy.SerializationError{Err: errors.New(secret)})
	}, "*errors.errorString"},
	{"no credentials", func(secret string) error {
		return operation(fmt.Errorf("get identity: get credentials: %w", errors.New(secret)))
	}, "check credentials"},
	{"a URL with a password", func(secret string) error {
		return operation(&url.Error{Op: "Post", URL: "https://user:" + secret + "@proxy.invalid/", Err: errors.New(secret)})
	}, "*errors.errorString"},
	{"several at once", func(secret string) error { return errors.Join(errors.New(secret), io.EOF) }, "*errors.joinError"},
	{"anything", func(secret string) error { return errors.New(secret) }, "*errors.errorString"},
}

// timeout is a net.Error with any text.
type timeout string

func (e timeout) Error() string { return string(e) }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// sent is how the SDK reports that a request got no answer.
func sent(err error) error {
	return operation(&smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://secretsmanager.invalid/", Err: err}})
}

func operation(err error) error {
	return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "DescribeSecret", Err: err}
}

// A call without an answer says nothing about the secret, and may hold anything.
func TestNoAnswer(t *testing.T) {
	for _, tt := range noAnswers {
		secret := rand.Text() + "/" + rand.Text()
		begin := tamper(func(b *tampered) {
			b.describe = answering[secretsmanager.DescribeSecretOutput](tt.err(secret))
		})
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, trouble{begin: begin, want: tenantsecrets.ErrUnavailable}.check)

			b := &tampered{Backend: secretstest.New()}
			begin(t, b)
			_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
			checkNotQuoted(t, secret, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)))
			checkCutOff(t, err)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
		})
	}
}

// The same goes for creations.
func TestNoAnswerToCreation(t *testing.T) {
	for _, tt := range noAnswers {
		t.Run(tt.what, func(t *testing.T) {
			secret := rand.Text() + "/" + rand.Text()
			b := &tampered{Backend: secretstest.New(), create: answering[secretsmanager.CreateSecretOutput](tt.err(secret))}
			_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
			checkNotQuoted(t, secret, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)))
			checkCutOff(t, err)
		})
	}
}
