package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tenant that most tests are about, and its secret's name.
const (
	tenant   = "t_abc123"
	hmacName = "prod/formbridge/t_abc123/hmac_key"
)

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// newClient returns a client that is closed when the test ends.
func newClient(t testing.TB, api tenantsecrets.API, optFns ...func(*tenantsecrets.Options)) *tenantsecrets.Client {
	t.Helper()
	c, err := tenantsecrets.New(api, naming, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// document returns an HMAC document of the tenant as the seed writes it, with the
// members given on top; a nil one is left out.
func document(t testing.TB, members map[string]any) string {
	t.Helper()
	all := map[string]any{
		"shared_secret": rand.Text() + rand.Text(),
		"created_at":    "2026-01-02T03:04:05Z",
		"tenant_id":     tenant,
		"version":       "1.0",
	}
	for name, value := range members {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// store creates a secret as another program would.
func store(t testing.TB, b *secretstest.Backend, name, text string) {
	t.Helper()
	_, err := b.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String(text),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a new current version as another program would, and returns its id.
func put(t testing.TB, b *secretstest.Backend, name, text string) string {
	t.Helper()
	out, err := b.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), SecretString: aws.String(text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

// operations returns the names of the calls made so far.
func operations(b *secretstest.Backend) []string {
	var names []string
	for _, call := range b.Calls() {
		names = append(names, call.Operation)
	}
	return names
}
