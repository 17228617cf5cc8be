package tenantsecrets_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

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

// checkNoPart wants nothing of a secret in what is printed: no run of 6 of its
// characters.
func checkNoPart(t *testing.T, sent, printed string) {
	t.Helper()
	var members struct {
		Secret string `json:"shared_secret"`
	}
	if err := json.Unmarshal([]byte(sent), &members); err != nil || len(members.Secret) < 6 {
		t.Fatal("no secret was sent")
	}
	for i := range len(members.Secret) - 5 {
		if strings.Contains(printed, members.Secret[i:i+6]) {
			t.Error("a part of the secret is printed")
			return
		}
	}
}

// A server, or something between, that repeats a request in its message repeats
// the secret: then nothing of the message is kept, not even what is left of the
// secret where a long one is cut.
func TestCreateTenantIsNotQuoted(t *testing.T) {
	for _, code := range []string{
		"ValidationException", "InvalidParameterException", "InvalidRequestException", "ResourceExistsException",
		"EncryptionFailure", "AccessDeniedException", "InternalServiceError", "NeverHeardOfException",
	} {
		for _, before := range []int{0, 980, 1000, 1020, 1100} {
			t.Run(fmt.Sprintf("%s after %d bytes", code, before), func(t *testing.T) {
				b := &echo{Backend: secretstest.New(), err: func(sent string) error {
					return &smithy.GenericAPIError{Code: code, Message: strings.Repeat(" ", before) + sent}
				}}
				_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
				if err == nil {
					t.Fatal("no error")
				}
				checkNoPart(t, b.sent, fmt.Sprintf("%v %+v %#v", err, err, err))
				var api smithy.APIError
				if errors.As(err, &api) {
					checkNoPart(t, b.sent, api.ErrorMessage())
				}
				if !strings.Contains(err.Error(), code) {
					t.Errorf("%q does not say %s", err, code)
				}
			})
		}
	}
}

// Of an error of the network, the operating system's words are quoted alone.
func TestCreateTenantInAnErrorOfTheNetwork(t *testing.T) {
	b := &echo{Backend: secretstest.New(), err: func(sent string) error {
		return &net.OpError{Op: "write", Net: "tcp", Err: errors.New(sent)}
	}}
	_, err := newClient(t, b).CreateTenant(t.Context(), tenant)
	checkFailed(t, err, "CreateTenant", tenantsecrets.ErrUnavailable)
	checkNoPart(t, b.sent, fmt.Sprintf("%v %+v %#v", err, err, err))
	if !strings.Contains(err.Error(), "write tcp: the connection failed") {
		t.Errorf("%q does not say what has failed", err)
	}
}
