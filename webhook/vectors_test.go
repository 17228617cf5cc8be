package webhook_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// ring is one keyring for every tenant.
type ring struct{ keys tenantsecrets.Keyring }

func (r ring) Verify(_ context.Context, _ string, try func(tenantsecrets.Keyring) error) error {
	return try(r.keys)
}

// vector is a published signature, with its source.
type vector struct {
	name   string
	scheme webhook.Scheme
	key    string
	time   int64
	body   string
	header map[string]string
	id     string
}

func decoded(text string) string {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

var standardVector = map[string]string{
	"id":        "msg_p5jXN8AQM9LWM0D4loKWxJek",
	"timestamp": "1614265330",
	"signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}

func prefixed(prefix string) map[string]string {
	header := map[string]string{}
	for name, value := range standardVector {
		header[prefix+name] = value
	}
	return header
}

var vectors = []vector{
	{ // github.com/standard-webhooks/standard-webhooks and github.com/svix/svix-webhooks, tests
		"standard", webhook.StandardWebhooks(), decoded("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1614265330,
		`{"test": 2432232314}`, prefixed("webhook-"), standardVector["id"],
	},
	{
		"svix", webhook.Svix(), decoded("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1614265330,
		`{"test": 2432232314}`, prefixed("svix-"), standardVector["id"],
	},
	{
		"svix, other names", webhook.Svix(), decoded("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 1614265330,
		`{"test": 2432232314}`, prefixed("webhook-"), standardVector["id"],
	},
	{ // docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries, "Testing"
		"github", webhook.GitHub(), "It's a Secret to Everybody", 0, "Hello, World!",
		map[string]string{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		"",
	},
	{ // docs.slack.dev/authentication/verifying-requests-from-slack
		"slack", webhook.Slack(), "8f742231b10e8888abcd99yyyzzz85a5", 1531420618,
		"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
		map[string]string{
			"X-Slack-Request-Timestamp": "1531420618",
			"X-Slack-Signature":         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
		},
		"",
	},
}

func TestVectors(t *testing.T) {
	for _, vec := range vectors {
		t.Run(vec.name, func(t *testing.T) {
			keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(vec.key))
			if err != nil {
				t.Fatal(err)
			}
			v := newVerifier(t, ring{keys}, func(o *webhook.Options) {
				o.Scheme = vec.scheme
				o.Now = func() time.Time { return time.Unix(vec.time, 0) }
			})
			header := http.Header{}
			for name, value := range vec.header {
				header.Set(name, value)
			}
			m, err := v.Verify(t.Context(), tenant, header, []byte(vec.body))
			if err != nil || m.ID != vec.id {
				t.Errorf("message %q, %v; want %q", m.ID, err, vec.id)
			}
			_, err = v.Verify(t.Context(), tenant, header, []byte(vec.body+" "))
			checkIs(t, err, tenantsecrets.ErrMismatch)
		})
	}
}
