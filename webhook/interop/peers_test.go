package interop_test

import (
	"net/http"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// peer is a library that has a scheme of ours too.
type peer struct {
	name string
	form form
	open func(secret string) (library, error)
}

var goPeers = []peer{
	{"standard-webhooks (Go)", standardForm, openStandard},
	{"svix (Go)", svixForm, openSvix},
	{"stripe-go", stripeForm, openStripe},
	{"go-github", githubForm, openGitHub},
	{"slack-go", slackForm, openSlack},
}

// tenant is the one that our side verifies the messages of, and signs them for.
const tenant = "t_abc123"

// receiver is our side with one key or several, the newest first.
func (f form) receiver(t testing.TB, secrets ...string) verifier {
	t.Helper()
	v, err := webhook.New(ring{newRing(t, secrets...)}, func(o *webhook.Options) { o.Scheme = f.scheme })
	if err != nil {
		t.Fatal(err)
	}
	return func(h http.Header, body []byte) error {
		_, err := v.Verify(t.Context(), tenant, h, body)
		return err
	}
}

func newRing(t testing.TB, secrets ...string) tenantsecrets.Keyring {
	t.Helper()
	values := make([]tenantsecrets.Value, len(secrets))
	for i, secret := range secrets {
		values[i] = tenantsecrets.NewValue(secret)
	}
	keys, err := tenantsecrets.NewKeyring(values...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
