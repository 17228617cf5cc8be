package webhook_test

import (
	"errors"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

const tolerance = 5 * time.Minute // the default that the documentation of Options names

// TestOptions sets every option with a number to 0, below 0, and to its limit and beyond:
// 0 is the default, and a negative value is an error, because none of them can be off.
func TestOptions(t *testing.T) {
	capacity := func(n int) func(*webhook.Options) {
		return func(o *webhook.Options) { o.Replay = webhook.NewMemoryReplayGuard(n) }
	}
	for name, tt := range map[string]struct {
		option func(*webhook.Options)
		good   bool
	}{
		"Tolerance 0":               {func(o *webhook.Options) { o.Tolerance = 0 }, true},
		"Tolerance negative":        {func(o *webhook.Options) { o.Tolerance = -1 }, false},
		"Tolerance 24 h":            {func(o *webhook.Options) { o.Tolerance = 24 * time.Hour }, true},
		"Tolerance above 24 h":      {func(o *webhook.Options) { o.Tolerance = 24*time.Hour + 1 }, false},
		"Tolerance largest":         {func(o *webhook.Options) { o.Tolerance = math.MaxInt64 }, false},
		"MaxBody 0":                 {func(o *webhook.Options) { o.MaxBody = 0 }, true},
		"MaxBody negative":          {func(o *webhook.Options) { o.MaxBody = -1 }, false},
		"MaxBody largest":           {func(o *webhook.Options) { o.MaxBody = math.MaxInt64 }, true},
		"guard's capacity 0":        {capacity(0), true},
		"guard's capacity negative": {capacity(-1), false},
		"guard's capacity least":    {capacity(math.MinInt), false},
		"guard's capacity largest":  {capacity(math.MaxInt), true},
		"guard's capacity half":     {capacity(math.MaxInt / 2), true}, // three times of it overflows
		"Scheme nil":                {func(o *webhook.Options) { o.Scheme = nil }, true},
		"Replay nil":                {func(o *webhook.Options) { o.Replay = nil }, true},
		"Now nil":                   {func(o *webhook.Options) { o.Now = nil }, true},
		"Observe nil":               {func(o *webhook.Options) { o.Observe = nil }, true},
		"SecondScheme false":        {func(o *webhook.Options) { o.SecondScheme = false }, true},
	} {
		t.Run(name, func(t *testing.T) {
			keys := webhooktest.NewKeys(tenant)
			v, err := webhook.New(keys, tt.option)
			if !tt.good {
				if v != nil || !errors.Is(err, tenantsecrets.ErrInvalidOption) {
					t.Fatalf("error is %v, want ErrInvalidOption", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := webhooktest.NewRequest(t, keys.Of(tenant), "/", body)
			if _, err := v.Verify(t.Context(), tenant, r.Header, []byte(body)); err != nil {
				t.Errorf("a valid webhook is refused: %v", err)
			}
		})
	}
}

// TestOptionsDefaults checks what 0 stands for.
func TestOptionsDefaults(t *testing.T) {
	b := newBench(t, func(o *webhook.Options) { o.Tolerance, o.MaxBody = 0, 0 })
	late := b.request(t, at(b.clock.Now().Add(-tolerance-time.Second)))
	_, err := b.verify(t, late)
	checkIs(t, err, webhook.ErrTolerance)
	if _, err := b.verify(t, b.request(t, at(b.clock.Now().Add(-tolerance)))); err != nil {
		t.Errorf("5 minutes old: %v", err)
	}
	for size, want := range map[int]error{1 << 20: tenantsecrets.ErrMismatch, 1<<20 + 1: webhook.ErrTooLarge} {
		_, err := b.Verify(t.Context(), tenant, b.request(t).Header, filled(size))
		checkIs(t, err, want)
	}
}

// TestOptionsAreGivenEmpty checks that an option function sees what the functions before
// it have set, and no defaults.
func TestOptionsAreGivenEmpty(t *testing.T) {
	newVerifier(t, webhooktest.NewKeys(), func(o *webhook.Options) {
		if o.Scheme != nil || o.SecondScheme || o.Tolerance != 0 || o.MaxBody != 0 || o.Replay != nil || o.Now != nil || o.Observe != nil {
			t.Errorf("options are %+v, want none set", o)
		}
		o.MaxBody = 1
	}, func(o *webhook.Options) {
		if o.MaxBody != 1 {
			t.Errorf("MaxBody is %d, want what the function before has set", o.MaxBody)
		}
	})
	_, c := newBackend(t)
	_, err := webhook.NewSigner(c, func(o *webhook.SignerOptions) {
		if o.Scheme != nil || o.MessageID != nil || o.Now != nil {
			t.Errorf("options are %+v, want none set", o)
		}
	})
	if err != nil {
		t.Error(err)
	}
	webhooktest.NewRequest(t, webhooktest.NewKeys(tenant).Of(tenant), "/", body, func(r *webhooktest.Request) {
		if r.Scheme != nil || r.Method != "" || r.ID != "" || !r.Time.IsZero() {
			t.Errorf("the request is %+v, want nothing set", r)
		}
	})
}

// TestSignerOptions sets every option of a Signer to nil, the default.
func TestSignerOptions(t *testing.T) {
	b, c := newBackend(t)
	store(t, b, "destinations/"+destination+"/hmac_key", hmacDocument(t, 1, nil))
	for name, option := range map[string]func(*webhook.SignerOptions){
		"Scheme":    func(o *webhook.SignerOptions) { o.Scheme = nil },
		"MessageID": func(o *webhook.SignerOptions) { o.MessageID = nil },
		"Now":       func(o *webhook.SignerOptions) { o.Now = nil },
	} {
		signer, err := webhook.NewSigner(c, option)
		if err != nil {
			t.Errorf("%s nil: %v", name, err)
			continue
		}
		header := http.Header{}
		if err := signer.Sign(t.Context(), tenant, destination, header, "msg_1", []byte(body)); err != nil || header.Get("Webhook-Signature") == "" {
			t.Errorf("%s nil: headers %v, %v", name, header, err)
		}
	}
	if _, err := webhook.NewSigner(nil); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("no client: %v", err)
	}
}

// TestNoKeySource refuses a Verifier without keys.
func TestNoKeySource(t *testing.T) {
	for name, keys := range map[string]webhook.KeySource{"nil": nil, "a nil client": (*tenantsecrets.Client)(nil)} {
		if v, err := webhook.New(keys); v != nil || !errors.Is(err, tenantsecrets.ErrInvalidOption) {
			t.Errorf("%s: error is %v, want ErrInvalidOption", name, err)
		}
	}
}
