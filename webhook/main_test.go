package webhook_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tenant is the tenant of most tests.
const tenant = "t_abc123"

// body is the body of most messages.
const body = `{"event":"paid"}`

// scheme is a scheme of the package, and its properties.
type scheme struct {
	name    string
	scheme  webhook.Scheme
	id      bool   // it signs a message id
	time    bool   // it signs a time
	several bool   // it allows several signatures
	tag     string // the header that has the signatures
}

var schemes = []scheme{
	{"standard", webhook.StandardWebhooks(), true, true, true, "Webhook-Signature"},
	{"svix", webhook.Svix(), true, true, true, "Svix-Signature"},
	{"stripe", webhook.Stripe(), false, true, true, "Stripe-Signature"},
	{"slack", webhook.Slack(), false, true, false, "X-Slack-Signature"},
	{"pair", webhook.TimestampedPair(), false, true, false, "X-Signature"},
	{"github", webhook.GitHub(), false, false, false, "X-Hub-Signature-256"},
	{"shopify", webhook.Shopify(), false, false, false, "X-Shopify-Hmac-Sha256"},
}

// eachScheme runs f for every scheme.
func eachScheme(t *testing.T, f func(*testing.T, scheme)) {
	t.Helper()
	for _, s := range schemes {
		t.Run(s.name, func(t *testing.T) { f(t, s) })
	}
}

// option sets the scheme of a Verifier.
func (s scheme) option(o *webhook.Options) { o.Scheme = s.scheme }

// sign sets the scheme of a request.
func (s scheme) sign(r *webhooktest.Request) { r.Scheme = s.scheme }

// bench is a Verifier with keys and a clock of its own.
type bench struct {
	*webhook.Verifier
	keys  *webhooktest.Keys
	clock *webhooktest.Clock
}

func newBench(t testing.TB, optFns ...func(*webhook.Options)) *bench {
	t.Helper()
	keys, clock := webhooktest.NewKeys(tenant), webhooktest.NewClock()
	v, err := webhook.New(keys, append([]func(*webhook.Options){clock.Option}, optFns...)...)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{v, keys, clock}
}

// request returns a signed request of the tenant.
func (b *bench) request(t testing.TB, optFns ...func(*webhooktest.Request)) *http.Request {
	t.Helper()
	return webhooktest.NewRequest(t, b.keys.Of(tenant), "/webhooks/"+tenant, body,
		append([]func(*webhooktest.Request){b.clock.Sign}, optFns...)...)
}

// verify verifies a request's headers with the usual body.
func (b *bench) verify(t testing.TB, r *http.Request) (webhook.Match, error) {
	t.Helper()
	return b.Verify(t.Context(), tenant, r.Header, []byte(body))
}

// checkIs checks that err is each of the errors.
func checkIs(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("error is %v, want %v", err, w)
		}
	}
}

// checkNot checks that err is none of the errors.
func checkNot(t testing.TB, err error, unwanted ...error) {
	t.Helper()
	for _, u := range unwanted {
		if errors.Is(err, u) {
			t.Errorf("error is %v, and must not be %v", err, u)
		}
	}
}

// checkMalformed checks for an ErrSignature that newer keys would not change.
func checkMalformed(t testing.TB, err error) {
	t.Helper()
	checkIs(t, err, tenantsecrets.ErrSignature)
	checkNot(t, err, tenantsecrets.ErrMismatch, tenantsecrets.ErrUnavailable)
}

func filled(n int) []byte { return bytes.Repeat([]byte("x"), n) }

var naming = tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}

// newClient returns a client that is closed when the test ends.
func newClient(t testing.TB, b *secretstest.Backend, optFns ...func(*tenantsecrets.Options)) *tenantsecrets.Client {
	t.Helper()
	c, err := tenantsecrets.New(b, naming, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newVerifier returns a Verifier with a client's keys.
func newVerifier(t testing.TB, keys webhook.KeySource, optFns ...func(*webhook.Options)) *webhook.Verifier {
	t.Helper()
	v, err := webhook.New(keys, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hmacDocument returns a stored HMAC secret of the tenant with that many keys. members are
// added to it or replaced.
func hmacDocument(t testing.TB, keys int, members map[string]any) string {
	t.Helper()
	const madeAt = "2026-01-02T03:04:05Z"
	document := map[string]any{
		"shared_secret": rand.Text() + rand.Text(), "created_at": madeAt,
		"tenant_id": tenant, "version": "1.0", "kid": rand.Text() + rand.Text(), "base": "",
	}
	previous := []map[string]any{}
	for range keys - 1 {
		previous = append(previous, map[string]any{
			"kid": rand.Text() + rand.Text(), "shared_secret": rand.Text() + rand.Text(), "created_at": madeAt,
		})
	}
	document["previous"] = previous
	for name, value := range members {
		document[name] = value
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// store creates a secret of the tenant as another program would.
func store(t testing.TB, b *secretstest.Backend, path, text string) {
	t.Helper()
	storeAs(t, b, tenant+"/"+path, text)
}

// storeAs creates a secret of any tenant.
func storeAs(t testing.TB, b *secretstest.Backend, name, text string) {
	t.Helper()
	_, err := b.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String("prod/formbridge/" + name), SecretString: aws.String(text),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a new version of the tenant's own secret as another program would.
func put(t testing.TB, b *secretstest.Backend, text string) {
	t.Helper()
	putAt(t, b, "hmac_key", text)
}

func putAt(t testing.TB, b *secretstest.Backend, path, text string) {
	t.Helper()
	_, err := b.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String("prod/formbridge/" + tenant + "/" + path), SecretString: aws.String(text),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// keysOf reads the tenant's keys through a client of its own.
func keysOf(t testing.TB, b *secretstest.Backend) tenantsecrets.Keyring {
	t.Helper()
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.TenantSecret(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s.Keys()
}

// topKey returns a keyring with the newest key of a stored document only, as a sender has it.
func topKey(t testing.TB, text string) tenantsecrets.Keyring {
	t.Helper()
	var document struct {
		Secret string `json:"shared_secret"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(document.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// at sets the time of a request's signature.
func at(when time.Time) func(*webhooktest.Request) {
	return func(r *webhooktest.Request) { r.Time = when }
}

// newBackend returns a Secrets Manager with a secret of the tenant, and a client.
func newBackend(t testing.TB) (*secretstest.Backend, *tenantsecrets.Client) {
	t.Helper()
	b := secretstest.New()
	store(t, b, "hmac_key", hmacDocument(t, 1, nil))
	return b, newClient(t, b)
}
