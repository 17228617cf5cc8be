package webhook_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// A route with the tenant ID in its path. The handler runs only for verified webhooks.
func ExampleVerifier_Middleware() {
	client, err := tenantsecrets.New(secretstest.New(), // in production: secretsmanager.NewFromConfig(cfg)
		tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	secret, err := client.CreateTenant(context.Background(), "t_abc123")
	if err != nil {
		log.Fatal(err)
	}

	v, err := webhook.New(client, func(o *webhook.Options) {
		o.Observe = func(_ context.Context, m webhook.Match, err error) {
			switch { // for your own logs: the sender is not told
			case errors.Is(err, webhook.ErrTolerance):
				fmt.Println("observed: compare the clocks with", m.Tenant)
			case err != nil:
				fmt.Println("observed: refused with", webhook.Status(err))
			case m.Newest:
				fmt.Println("observed:", m.Tenant, "signs with its newest key")
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", v.Middleware(webhook.PathTenant("tenant"))(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			m, _ := webhook.FromContext(r.Context())
			body, _ := io.ReadAll(r.Body)
			fmt.Printf("handled: %s of %s\n", body, m.Tenant)
		})))

	send := func(id, key string) {
		keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(key))
		if err != nil {
			log.Fatal(err)
		}
		const message = `{"event":"paid"}`
		timestamp := fmt.Sprint(time.Now().Unix())
		scheme := webhook.StandardWebhooks()
		tags, err := keys.MACs(scheme.AppendPrefix(nil, "msg_1", timestamp), []byte(message))
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/webhooks/"+id, strings.NewReader(message))
		scheme.Write(r.Header, "msg_1", timestamp, tags)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println("answered:", w.Code)
	}
	send("t_abc123", secret.Secret().Reveal())
	send("t_abc123", rand.Text())
	send("t_nobody", rand.Text())
	// Output:
	// observed: t_abc123 signs with its newest key
	// handled: {"event":"paid"} of t_abc123
	// answered: 200
	// observed: refused with 401
	// answered: 401
	// observed: refused with 401
	// answered: 401
}

// Without a handler of net/http: pass the headers and the body.
func ExampleVerifier_Verify() {
	keys, clock := webhooktest.NewKeys("t_abc123"), webhooktest.NewClock()
	v, err := webhook.New(keys, clock.Option, func(o *webhook.Options) { // keys: the client, in production
		o.Scheme = webhook.TimestampedPair()
		o.Tolerance = time.Minute
		o.MaxBody = 64 << 10
	})
	if err != nil {
		log.Fatal(err)
	}
	body := []byte(`{"event":"paid"}`)
	timestamp := fmt.Sprint(clock.Now().Unix())
	signature, err := tenantsecrets.SignHMAC(keys.Of("t_abc123"), []byte(timestamp+"."+string(body)))
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{"X-Timestamp": {timestamp}, "X-Signature": {signature}}

	m, err := v.Verify(context.Background(), "t_abc123", header, body)
	fmt.Println(m.Tenant, m.KeyID, m.Newest, m.ID == "", m.Time.UTC(), err)

	clock.Advance(2 * time.Minute)
	_, err = v.Verify(context.Background(), "t_abc123", header, body)
	fmt.Println(errors.Is(err, webhook.ErrTolerance), webhook.Status(err))

	clock.Advance(-2 * time.Minute)
	_, err = v.Verify(context.Background(), "t_abc123", header, make([]byte, 100<<10))
	fmt.Println(errors.Is(err, webhook.ErrTooLarge), webhook.Status(err))
	// Output:
	// t_abc123 0 true true 2026-01-02 03:04:05 +0000 UTC <nil>
	// true 401
	// true 413
}

// acme is a custom scheme: "Acme-Signature: 1767323045;msg_1;hex", where hex is the HMAC of
// timestamp/id/body.
type acme struct{}

const acmeSignature = "Acme-Signature"

func (acme) Read(e *webhook.Envelope) {
	if e.Has("Acme-Legacy-Signature") {
		e.Refuse("the sender uses the scheme of before 2025")
	}
	parts := strings.Split(e.Header(acmeSignature), ";")
	if len(parts) != 3 {
		e.Refuse("the header does not have three parts")
		return
	}
	e.Timestamp(parts[0]) // the Verifier checks it
	e.ID(parts[1])
	e.Hex(parts[2]) // or e.Base64
}

func (acme) AppendPrefix(b []byte, id, timestamp string) []byte {
	return append(b, timestamp+"/"+id+"/"...)
}

func (acme) Write(h http.Header, id, timestamp string, tags [][]byte) {
	h.Set(acmeSignature, timestamp+";"+id+";"+hex.EncodeToString(tags[0]))
}

func ExampleScheme() {
	keys := webhooktest.NewKeys("t_abc123")
	v, err := webhook.New(keys, func(o *webhook.Options) { o.Scheme = acme{} })
	if err != nil {
		log.Fatal(err)
	}
	now, body := fmt.Sprint(time.Now().Unix()), []byte(`{"event":"paid"}`)
	tags, err := keys.Of("t_abc123").MACs(acme{}.AppendPrefix(nil, "msg_1", now), body)
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{}
	acme{}.Write(header, "msg_1", now, tags)

	m, err := v.Verify(context.Background(), "t_abc123", header, body)
	fmt.Println(m.ID, err)
	header.Set(acmeSignature, strings.Replace(header.Get(acmeSignature), "msg_1", "msg_2", 1))
	_, err = v.Verify(context.Background(), "t_abc123", header, body)
	fmt.Println(errors.Is(err, tenantsecrets.ErrSignature))
	// Output:
	// msg_1 <nil>
	// true
}

// The schemes of well-known senders.
func ExampleOptions() {
	for _, scheme := range []webhook.Scheme{
		webhook.StandardWebhooks(), // the default
		webhook.Svix(),
		webhook.Stripe(),
		webhook.Slack(),
		webhook.TimestampedPair(),
		webhook.GitHub(),  // signs no time
		webhook.Shopify(), // signs no time
	} {
		_, err := webhook.New(webhooktest.NewKeys("t_abc123"), func(o *webhook.Options) { o.Scheme = scheme })
		if err != nil {
			log.Fatal(err)
		}
	}
	_, err := webhook.New(webhooktest.NewKeys("t_abc123"), func(o *webhook.Options) { o.Tolerance = -1 })
	fmt.Println(err)
	// Output: webhook: New: invalid option: Tolerance is -1ns: use 0 for 5m0s, or a duration up to 24h0m0s
}

// A sender changes from one scheme to another and keeps its key. Until the change is
// complete, a second Verifier accepts the new scheme.
func ExampleOptions_secondScheme() {
	client, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = webhook.New(client, func(o *webhook.Options) { o.Scheme = webhook.GitHub() })
	fmt.Println("GitHub:", err)
	_, err = webhook.New(client) // Standard Webhooks
	fmt.Println("refused:", errors.Is(err, tenantsecrets.ErrInvalidOption))
	_, err = webhook.New(client, func(o *webhook.Options) { o.SecondScheme = true })
	fmt.Println("until the change is done:", err)
	// Output:
	// GitHub: <nil>
	// refused: true
	// until the change is done: <nil>
}

// With a tenant in the host instead of the path.
func ExampleHostTenant() {
	tenant := webhook.HostTenant("hooks.example.com")
	r := httptest.NewRequest(http.MethodPost, "https://t_abc123.hooks.example.com/", http.NoBody)
	fmt.Println(tenant(r))
	// Output: t_abc123
}

// A message that was processed is not accepted again.
func ExampleNewMemoryReplayGuard() {
	keys := webhooktest.NewKeys("t_abc123")
	v, err := webhook.New(keys, func(o *webhook.Options) { o.Replay = webhook.NewMemoryReplayGuard(10_000) })
	if err != nil {
		log.Fatal(err)
	}
	now, body := fmt.Sprint(time.Now().Unix()), []byte(`{"event":"paid"}`)
	tags, err := keys.Of("t_abc123").MACs([]byte("msg_1."+now+"."), body)
	if err != nil {
		log.Fatal(err)
	}
	ctx, header := context.Background(), http.Header{}
	webhook.StandardWebhooks().Write(header, "msg_1", now, tags)

	m, err := v.Verify(ctx, "t_abc123", header, body)
	fmt.Println("first:", err)
	_, err = v.Verify(ctx, "t_abc123", header, body)
	fmt.Println("again:", errors.Is(err, webhook.ErrReplay))
	if err := v.Release(ctx, m); err != nil { // if it could not be processed; the middleware does this itself
		log.Fatal(err)
	}
	_, err = v.Verify(ctx, "t_abc123", header, body)
	fmt.Println("after it was released:", err)
	// Output:
	// first: <nil>
	// again: true
	// after it was released: <nil>
}

// sharedStore is a guard in a store that several processes share. Here it is a map; a real
// store needs one SET NX PX and one DEL.
type sharedStore map[string]time.Time

func (s sharedStore) Claim(_ context.Context, key webhook.ReplayKey, hold time.Duration) error {
	if until, taken := s[key.String()]; taken && time.Now().Before(until) {
		return webhook.ErrReplay
	}
	s[key.String()] = time.Now().Add(hold)
	return nil
}

func (s sharedStore) Release(_ context.Context, key webhook.ReplayKey) error {
	delete(s, key.String())
	return nil
}

func ExampleReplayGuard() {
	guard := sharedStore{}
	v, err := webhook.New(webhooktest.NewKeys("t_abc123"), func(o *webhook.Options) { o.Replay = guard })
	fmt.Println(v != nil, err)
	key := webhook.ReplayKey{Tenant: "t_abc123", Timestamp: "1767323045", ID: "msg_1"}
	fmt.Println(guard.Claim(context.Background(), key, time.Minute))
	fmt.Println(guard.Claim(context.Background(), key, time.Minute))
	// Output:
	// true <nil>
	// <nil>
	// the signature is not valid: the message was accepted before
}

// exampleSender is a client with a tenant's destination, whose key another
// program has stored.
func exampleSender() (*tenantsecrets.Client, error) {
	api := secretstest.New()
	_, err := api.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String("prod/formbridge/t_abc123/destinations/webhook1/hmac_key"),
		SecretString: aws.String(`{"shared_secret":"` + rand.Text() + `","created_at":"2026-01-02T03:04:05Z",` +
			`"tenant_id":"t_abc123","version":"1.0"}`),
	})
	if err != nil {
		return nil, err
	}
	return tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
}

// A client whose requests go out signed.
func ExampleSigner_Transport() {
	client, err := exampleSender()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Webhook-Id"), strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,"))
	}))
	defer far.Close()

	signer, err := webhook.NewSigner(client)
	if err != nil {
		log.Fatal(err)
	}
	base := &http.Transport{DisableKeepAlives: true} // nil: http.DefaultTransport
	hooks := &http.Client{Transport: signer.Transport(base, "t_abc123", "webhook1")}

	r, err := http.NewRequest(http.MethodPost, far.URL, strings.NewReader(`{"event":"paid"}`))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Webhook-Id", "msg_1") // the same whenever the message is sent again
	response, err := hooks.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()
	fmt.Println(response.StatusCode)
	// Output:
	// msg_1 true
	// 200
}

// Signing without sending, with a scheme other than the default.
func ExampleSigner_Sign() {
	client, err := exampleSender()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	signer, err := webhook.NewSigner(client, func(o *webhook.SignerOptions) { o.Scheme = webhook.Stripe() })
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{}
	err = signer.Sign(context.Background(), "t_abc123", "webhook1", header, "", []byte(`{"event":"paid"}`))
	fmt.Println(strings.Contains(header.Get("Stripe-Signature"), ",v1="), err)
	// Output: true <nil>
}

// The message ID is that of the event, so that it stays the same when the event is sent
// again. Now is for tests.
func ExampleSignerOptions() {
	client, err := exampleSender()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	signer, err := webhook.NewSigner(client, func(o *webhook.SignerOptions) {
		o.MessageID = func(r *http.Request) string { return "msg_" + r.URL.Query().Get("event") }
		o.Now = webhooktest.NewClock().Now
	})
	if err != nil {
		log.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"))
	}))
	defer receiver.Close()
	hooks := &http.Client{Transport: signer.Transport(nil, "t_abc123", "webhook1")}
	response, err := hooks.Post(receiver.URL+"?event=17", "application/json", strings.NewReader(`{"event":"paid"}`))
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()
	hooks.CloseIdleConnections()
	// Output: msg_17 1767323045
}

// A sharedStore is a ReplayGuard, and any type with the method Verify is a KeySource.
var (
	_ webhook.ReplayGuard = sharedStore{}
	_ webhook.KeySource   = (*webhooktest.Keys)(nil)
)
