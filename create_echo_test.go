package tenantsecrets_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// echo answers a creation with an error that is made of what was sent.
type echo struct {
	*secretstest.Backend
	err  func(sent string) error
	sent string
}

func (b *echo) CreateSecret(_ context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	b.sent = aws.ToString(in.SecretString)
	return nil, b.err(b.sent)
}

// echoes are what a server, or a proxy in between, may make of a secret that it repeats.
var echoes = map[string]func(secret string) string{
	"the whole":           func(s string) string { return s },
	"its first half":      func(s string) string { return s[:len(s)/2] },
	"its second half":     func(s string) string { return s[len(s)/2:] },
	"8 characters":        func(s string) string { return s[7:15] },
	"in hex":              func(s string) string { return hex.EncodeToString([]byte(s)) },
	"half in hex":         func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s[:len(s)/2]))) },
	"in base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"half in base64":      func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s[len(s)/2:])) },
	"with cases swapped":  swapCase,
	"with spaces between": func(s string) string { return strings.Join(strings.Split(s, ""), " ") },
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// secretIn is the secret of a document that was sent.
func secretIn(t *testing.T, document string) string {
	t.Helper()
	var members struct {
		Secret string `json:"shared_secret"`
	}
	if err := json.Unmarshal([]byte(document), &members); err != nil || len(members.Secret) < 16 {
		t.Fatal("no secret was sent")
	}
	return members.Secret
}

// checkNoPart wants no run of 8 characters of a text in what is printed.
func checkNoPart(t *testing.T, text, printed string) {
	t.Helper()
	for i := range max(1, len(text)-7) {
		if strings.Contains(printed, text[i:min(i+8, len(text))]) {
			t.Error("a part of the secret is printed")
			return
		}
	}
}

// printedAll is an error as everything prints it that logs do.
func printedAll(err error) string {
	var text bytes.Buffer
	slog.New(slog.NewJSONHandler(&text, nil)).Error("failed", "error", err)
	slog.New(slog.NewTextHandler(&text, nil)).Error("failed", "error", err)
	fmt.Fprintf(&text, "%v %+v %#v %s %q", err, err, err, err, err)
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		fmt.Fprintf(&text, "%+v %#v", cause, cause)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		fmt.Fprintf(&text, "%+v %#v %s %s", api, api, api.ErrorCode(), api.ErrorMessage())
	}
	return text.String()
}

// A server, or something between, that repeats a request in its message repeats the
// secret. Nothing of the message is kept, whatever it made of the secret.
func TestCreateTenantIsNotQuoted(t *testing.T) {
	for _, code := range []string{
		"ValidationException", "InvalidParameterException", "InvalidRequestException", "ResourceExistsException",
		"LimitExceededException", "MalformedPolicyDocumentException", "ResourceNotFoundException",
		"EncryptionFailure", "AccessDeniedException", "InternalServiceError", "NeverHeardOfException",
	} {
		for what, echoed := range echoes {
			for _, before := range []int{0, 1000, 1100} {
				t.Run(fmt.Sprintf("%s, %s after %d bytes", code, what, before), func(t *testing.T) {
					b := &echo{Backend: secretstest.New(), err: func(sent string) error {
						return &smithy.GenericAPIError{Code: code, Message: strings.Repeat(" ", before) + "cannot take " + echoed(secretIn(t, sent))}
					}}
					_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
					if err == nil {
						t.Fatal("no error")
					}
					checkNoPart(t, echoed(secretIn(t, b.sent)), printedAll(err))
					var api smithy.APIError
					if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(err.Error(), code) {
						t.Errorf("%q does not say %s", err, code)
					}
				})
			}
		}
	}
}

// The caller is told which option was refused, in words of the library.
func TestCreateTenantSaysWhichOptionWasRefused(t *testing.T) {
	for _, tt := range []struct{ code, message, says string }{
		{"ValidationException", "1 validation error detected: Value 'x' at 'kmsKeyId' failed to satisfy constraint", "KMSKeyID"},
		{"ValidationException", "1 validation error detected: Value 'x' at 'description' failed to satisfy constraint", "Description"},
		{"ValidationException", "1 validation error detected: Value 'x' at 'tags.1.member.value' failed to satisfy constraint", "Tags"},
		{"InvalidParameterException", "You can't use the prefix aws: in a tag key.", "Tags"},
		{"InvalidRequestException", "The KMS key isn't enabled.", "KMSKeyID"},
		{"EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key.", "KMSKeyID"},
	} {
		t.Run(tt.message, func(t *testing.T) {
			b := secretstest.New()
			store(t, b, hmacName, document(t, nil)) // so that an invalid request is about no deletion
			b.Inject(secretstest.Fault{Operation: "CreateSecret", Err: &smithy.GenericAPIError{Code: tt.code, Message: tt.message}})
			_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), tt.message) {
				t.Errorf("%v does not name %s in words of the library", err, tt.says)
			}
		})
	}
}

// Of an error of the network, the operating system's words are quoted alone.
func TestCreateTenantInAnErrorOfTheNetwork(t *testing.T) {
	b := &echo{Backend: secretstest.New(), err: func(sent string) error {
		return &net.OpError{Op: "write", Net: "tcp", Err: errors.New(sent)}
	}}
	_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
	checkNoPart(t, secretIn(t, b.sent), printedAll(err))
	if !strings.Contains(err.Error(), "write tcp: the connection failed") {
		t.Errorf("%q does not say what has failed", err)
	}
}
