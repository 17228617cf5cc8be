package tenantsecrets_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// badDocuments hold the secret in every place where a decoder could stumble over
// it and quote it.
func badDocuments(t *testing.T, secret string) []string {
	with := func(name string, value any) string { return document(t, map[string]any{name: value}) }
	quoted := fmt.Sprintf("%q", secret)
	return []string{
		secret,
		quoted,
		"[" + quoted + "]",
		"{" + secret + "}",
		"{" + quoted + "}",
		`{"shared_secret":` + secret + `}`,
		`{"shared_secret":` + quoted,
		`{"shared_secret":` + quoted + `,"shared_secret":` + quoted + `}`,
		`{` + quoted + `:1,` + quoted + `:2}`,
		with("shared_secret", secret) + secret,
		with("shared_secret", secret) + "\xff",
		with("shared_secret", secret[:15]),
		with("shared_secret", secret+secret+secret),
		with("shared_secret", []string{secret}),
		with("shared_secret", map[string]string{secret: secret}),
		with("encoding", secret),
		with("created_at", secret),
		with("created_at", []string{secret}),
		with("tenant_id", secret),
		with("version", secret),
		with("kid", []string{secret}),
		with("sign_after", secret),
		with("base", []string{secret}),
		with("state", secret),
		with("revoked", secret),
		with("revoked", []any{[]string{secret}}),
		with("previous", secret),
		with("previous", []any{secret}),
		with("previous", []any{map[string]any{secret: secret}}),
		with("previous", []any{previousKey("", secret, nil)}),
		with("previous", []any{previousKey("old", secret, map[string]any{"not_after": secret})}),
		with("previous", []any{previousKey("old", secret, map[string]any{"encoding": "base64"})}),
		with("Shared_Secret", secret),
		document(t, map[string]any{"shared_secret": secret, "encoding": "hex"}),
		document(t, map[string]any{"shared_secret": secret, "state": "suspended"}),
	}
}

var badAPIKeys = []string{
	`{"tenant_id":"t_abc123","api_key":["%s"]}`,
	`{"tenant_id":"t_abc123","api_key":{"%s":1}}`,
	`{"tenant_id":"t_abc123","api_key":"%s","header":["%[1]s"]}`,
	`{"tenant_id":"t_abc123","api_key":"%s","api_key":"%[1]s"}`,
	`{"tenant_id":"t_abc123","api_key":"%s","API_KEY":"%[1]s"}`,
	`{"tenant_id":"t_abc123","api_key":"%s\ud800"}`,
	`{"tenant_id":"%s","api_key":"%[1]s"}`,
	`{"api_key":"%s"}`,
}

// quoting are kinds whose Decode tells in its own ways what it was given.
var quoting = []tenantsecrets.Kind[string]{
	{Path: "error", Decode: func(stored []byte) (string, error) { return "", fmt.Errorf("cannot decode %s", stored) }},
	{Path: "json", Decode: func(stored []byte) (string, error) { return "", json.Unmarshal(stored, new(int)) }},
	{Path: "panic", Decode: func(stored []byte) (string, error) { panic(string(stored)) }},
	{Path: "panicking-error", Decode: func(stored []byte) (string, error) { panic(fmt.Errorf("cannot decode %s", stored)) }},
}

// failing collects the errors of calls that must fail.
type failing struct {
	t      *testing.T
	errors []error
}

func (f *failing) add(what string, err error) {
	f.t.Helper()
	if err == nil {
		f.t.Fatalf("%s does not fail", what)
	}
	f.errors = append(f.errors, err)
}

// checkSilent looks for the secret in everything that an error may be printed as,
// and in the log.
func (f *failing) checkSilent(s *search, log string) {
	f.t.Helper()
	for _, err := range f.errors {
		var e *tenantsecrets.Error
		if !errors.As(err, &e) {
			f.t.Fatalf("%T is not an *Error", err)
		}
		const verbs = "%v %+v %#v %s %q %x %d"
		output := reachable(err) + diffOf(err) + sinks["slog JSON"](err) + sinks["encoding/json"](err)
		for _, v := range []any{err, *e, e.Err, unexported[error]{err}, fmt.Errorf("wrapped: %w", err), errors.Join(err, err)} {
			output += fmt.Sprintf(verbs, v, v, v, v, v, v, v)
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			output += fmt.Sprintf(verbs, cause, cause, cause, cause, cause, cause, cause)
		}
		if what := s.find(output); what != "" {
			f.t.Errorf("an error of %s shows %s", e.Op, what)
		}
	}
	if what := s.find(log); what != "" {
		f.t.Errorf("the log shows %s", what)
	}
}

func TestErrorsAboutDocumentsAreSilent(t *testing.T) {
	secret, f := newSecrets(1)[0], failing{t: t}
	var log bytes.Buffer
	b := secretstest.New()
	c := newClient(t, b, func(o *tenantsecrets.Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })

	for i, text := range badDocuments(t, secret) {
		id := fmt.Sprintf("t_%d", i)
		store(t, b, "prod/formbridge/"+id+"/hmac_key", text)
		_, err := c.TenantSecret(t.Context(), id)
		f.add(fmt.Sprintf("document %d", i), err)
		f.add(fmt.Sprintf("document %d", i), c.VerifyHMAC(t.Context(), id, nil, hex.EncodeToString(tagOf(secret))))
	}
	for i, text := range badAPIKeys {
		destination := fmt.Sprintf("w%d", i)
		store(t, b, "prod/formbridge/t_abc123/destinations/"+destination+"/api_key", fmt.Sprintf(text, secret))
		_, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey(destination))
		f.add(fmt.Sprintf("API key %d", i), err)
	}
	for _, kind := range quoting {
		store(t, b, "prod/formbridge/t_abc123/"+kind.Path, fmt.Sprintf(`{"tenant_id":"t_abc123","secret":%q}`, secret))
		_, err := tenantsecrets.Get(t.Context(), c, tenant, kind)
		f.add(kind.Path, err)
	}
	// A previous version that cannot be used is logged, and fails nothing.
	store(t, b, hmacName, document(t, map[string]any{"shared_secret": secret, "version": secret}))
	put(t, b, hmacName, document(t, map[string]any{"shared_secret": secret}))
	if _, err := c.TenantSecret(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	if log.Len() == 0 {
		t.Error("nothing is logged")
	}
	f.checkSilent(newSearch(secret), log.String())
}

// Neither the signature that came in nor the one that was expected is shown: the
// latter would be as good as the key for this message.
func TestErrorsAboutSignaturesAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret, f, b := newSecrets(1)[0], failing{t: t}, secretstest.New()
		store(t, b, hmacName, document(t, map[string]any{"shared_secret": secret}))
		c := newClient(t, b)
		expected, received := tagOf(secret, "message"), tagOf(newSecrets(1)[0], "message")
		s := newSearch(secret)
		s.bytes("the expected tag", expected)
		s.bytes("the received tag", received)

		for _, tt := range signatureCases(received, expected) {
			if !errors.Is(tt.want, tenantsecrets.ErrMismatch) && len(tt.text) < 1000 {
				f.add(tt.what, c.VerifyHMAC(t.Context(), tenant, []byte("message"), tt.text))
			}
			f.add("an unknown tenant", c.VerifyHMAC(t.Context(), "t_b", []byte("message"), tt.text))
		}
		f.add("Verify", c.Verify(t.Context(), tenant, func(k tenantsecrets.Keyring) error {
			return tenantsecrets.VerifyHMAC(k, []byte("message"), hex.EncodeToString(received))
		}))
		f.checkSilent(s, "")
	})
}

// telling is an API whose errors and panics tell what it was sent or should have
// answered.
type telling struct {
	hidden
	secret string
	fail   func(payload string) error
}

func (a *telling) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return nil, a.fail(a.secret)
}

func (a *telling) CreateSecret(_ context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	var d struct {
		Secret string `json:"shared_secret"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(in.SecretString)), &d); err != nil {
		return nil, err
	}
	a.secret = d.Secret
	return nil, a.fail(aws.ToString(in.SecretString))
}

func TestErrorsOfTheAPIAreSilent(t *testing.T) {
	for what, fail := range map[string]func(payload string) error{
		"an error":        func(payload string) error { return errors.New(payload) },
		"a wrapped error": func(payload string) error { return fmt.Errorf("sending: %w", errors.New(payload)) },
		"an answer that is broken": func(payload string) error {
			return &smithy.DeserializationError{Err: errors.New(payload), Snapshot: []byte(payload)}
		},
		"a request that is broken": func(payload string) error {
			return &smithy.OperationError{ServiceID: "Secrets Manager", Err: &smithy.SerializationError{Err: errors.New(payload)}}
		},
		"an end of the context": func(payload string) error { return fmt.Errorf("%s: %w", payload, context.DeadlineExceeded) },
		"a cause beside an AWS error": func(payload string) error {
			return fmt.Errorf("%s: %w", payload, &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"})
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				api := &telling{hidden{func() tenantsecrets.API { return b }}, newSecrets(1)[0], fail}
				store(t, b, hmacName, document(t, nil))
				c := newClient(t, api)

				read := failing{t: t}
				_, err := c.TenantSecret(t.Context(), tenant)
				read.add("TenantSecret", err)
				read.checkSilent(newSearch(api.secret), "")

				written := failing{t: t}
				_, err = c.CreateTenant(t.Context(), "t_b")
				written.add("CreateTenant", err)
				written.checkSilent(newSearch(api.secret), "")
			})
		})
	}
}

func TestPanicsOfTheAPIAreSilent(t *testing.T) {
	secret, f, b := newSecrets(1)[0], failing{t: t}, secretstest.New()
	store(t, b, hmacName, document(t, nil))
	c := newClient(t, &telling{hidden{func() tenantsecrets.API { return b }}, secret, func(payload string) error { panic(payload) }})
	_, err := c.TenantSecret(t.Context(), tenant)
	f.add("TenantSecret", err)
	f.checkSilent(newSearch(secret), "")
}
