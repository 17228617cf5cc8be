// Package integration runs one suite through the real SDK client against servers
// of Secrets Manager's protocol: secretstest's, and moto where
// TENANTSECRETS_MOTO_URL names one. TENANTSECRETS_INTEGRATION=required makes a
// missing server or program a failure. Its ring tests hold Python and Node to the
// documents that the library writes, and keep docs/ring/vectors.json.
package integration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// endpoint is a server under test.
type endpoint struct{ name, url string }

// eachServer runs a test against every server there is.
func eachServer(t *testing.T, test func(t *testing.T, at endpoint)) {
	t.Run("secretstest", func(t *testing.T) {
		server := httptest.NewServer(secretstest.New().Handler())
		t.Cleanup(server.Close)
		test(t, endpoint{"secretstest", server.URL})
	})
	t.Run("moto", func(t *testing.T) {
		test(t, endpoint{"moto", need(t, os.Getenv("TENANTSECRETS_MOTO_URL"), "TENANTSECRETS_MOTO_URL is not set: start moto_server and name its URL")})
	})
}

// need skips the test visibly where a part is missing, or fails it where parts
// are required.
func need(t *testing.T, part, missing string) string {
	t.Helper()
	if part == "" {
		if os.Getenv("TENANTSECRETS_INTEGRATION") == "required" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return part
}

// connect returns a real SDK client of the server.
func connect(t *testing.T, at endpoint) *secretsmanager.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(at.url),
		Region:       "eu-central-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", rand.Text(), ""),
		HTTPClient:   &http.Client{Transport: transport},
	})
}

func newClient(t *testing.T, api tenantsecrets.API) *tenantsecrets.Client {
	t.Helper()
	c, err := tenantsecrets.New(api, naming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newTenant returns an id that no other test uses, for moto outlives a test.
func newTenant() string { return "t_" + rand.Text() }

func hmacName(tenant string) string { return "prod/formbridge/" + tenant + "/hmac_key" }

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestCreatedSecretVerifiesInAnotherProcess(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, tenant, body := bounded(t), newTenant(), []byte("body")
		sender, receiver := newClient(t, connect(t, at)), newClient(t, connect(t, at))

		created, err := sender.CreateTenant(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := tenantsecrets.SignHMAC(created.Keys(), body)
		if err != nil {
			t.Fatal(err)
		}
		if err := receiver.VerifyHMAC(ctx, tenant, body, signature); err != nil {
			t.Errorf("its own signature: %v", err)
		}
		if err := receiver.VerifyHMAC(ctx, tenant, []byte("another body"), signature); !errors.Is(err, tenantsecrets.ErrMismatch) {
			t.Errorf("another body: %v", err)
		}
		read, err := receiver.TenantSecret(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		if !read.Secret().Equal(created.Secret()) || read.VersionID() != created.VersionID() {
			t.Errorf("read %v, created %v", read, created)
		}
	})
}

func TestUnknownTenant(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		err := newClient(t, connect(t, at)).VerifyHMAC(bounded(t), newTenant(), nil, strings.Repeat("0", 64))
		if !errors.Is(err, tenantsecrets.ErrNotFound) || !errors.Is(err, tenantsecrets.ErrSignature) {
			t.Error(err)
		}
	})
}

func TestCreateNeverOverwrites(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, tenant := bounded(t), newTenant()
		withKey := func(key string) func(*tenantsecrets.CreateOptions) {
			return func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = key }
		}
		first, err := newClient(t, connect(t, at)).CreateTenant(ctx, tenant, withKey("first"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := newClient(t, connect(t, at)).CreateTenant(ctx, tenant, withKey("first"))
		if err != nil {
			t.Fatalf("under the same idempotency key: %v", err)
		}
		if !again.Secret().Equal(first.Secret()) {
			t.Error("the second call returned another secret")
		}
		for _, key := range []string{"", "second"} {
			if _, err := newClient(t, connect(t, at)).CreateTenant(ctx, tenant, withKey(key)); !errors.Is(err, tenantsecrets.ErrExists) {
				t.Errorf("under idempotency key %q: %v", key, err)
			}
		}
	})
}

func TestDeletedSecret(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, tenant, api := bounded(t), newTenant(), connect(t, at)
		if _, err := newClient(t, api).CreateTenant(ctx, tenant); err != nil {
			t.Fatal(err)
		}
		if _, err := api.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String(hmacName(tenant))}); err != nil {
			t.Fatal(err)
		}
		if _, err := newClient(t, api).TenantSecret(ctx, tenant); !errors.Is(err, tenantsecrets.ErrPendingDeletion) {
			t.Errorf("TenantSecret: %v", err)
		}
		if _, err := newClient(t, api).CreateTenant(ctx, tenant); !errors.Is(err, tenantsecrets.ErrPendingDeletion) {
			t.Errorf("CreateTenant: %v", err)
		}
	})
}

// TestRotationByAnotherWriter: a writer who knows nothing of previous keys puts a
// new version. Both keys verify, the new one after one look at Secrets Manager.
func TestRotationByAnotherWriter(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, tenant, api, body := bounded(t), newTenant(), connect(t, at), []byte("body")
		c := newClient(t, api)
		created, err := c.CreateTenant(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		written := rand.Text() + rand.Text()
		_, err = api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(hmacName(tenant)),
			SecretString: aws.String(fmt.Sprintf(
				`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05.678901","tenant_id":%q,"version":"1.0"}`, written, tenant)),
		})
		if err != nil {
			t.Fatal(err)
		}
		newest, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(written))
		if err != nil {
			t.Fatal(err)
		}
		for name, keys := range map[string]tenantsecrets.Keyring{"new key": newest, "old key": created.Keys()} {
			signature, err := tenantsecrets.SignHMAC(keys, body)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.VerifyHMAC(ctx, tenant, body, signature); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDestinationKind(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		ctx, tenant, api := bounded(t), newTenant(), connect(t, at)
		stored := rand.Text()
		_, err := api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name:         aws.String("prod/formbridge/" + tenant + "/destinations/webhook1/api_key"),
			SecretString: aws.String(fmt.Sprintf(`{"api_key":%q,"header":"X-Key","tenant_id":%q}`, stored, tenant)),
		})
		if err != nil {
			t.Fatal(err)
		}
		key, err := tenantsecrets.Get(ctx, newClient(t, api), tenant, tenantsecrets.DestinationAPIKey("webhook1"))
		if err != nil {
			t.Fatal(err)
		}
		if key.Key.Reveal() != stored || key.Header != "X-Key" {
			t.Errorf("read %+v", key)
		}
	})
}
