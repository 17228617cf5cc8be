package tenantsecrets_test

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// clock is a clock that a test sets.
type clock struct{ nanos atomic.Int64 }

func (c *clock) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.nanos.Load()).UTC() }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) string { return epoch.Add(d).Format(time.RFC3339Nano) }

// dated is a client and a Secrets Manager that read one clock, set to epoch. What
// is loaded stays: only the keys' own times pass.
func dated(t *testing.T) (*clock, *secretstest.Backend, *tenantsecrets.Client) {
	var now clock
	now.set(epoch)
	b := secretstest.New(func(o *secretstest.Options) { o.Now = now.now })
	c := newClient(t, b, func(o *tenantsecrets.Options) {
		o.Now, o.TTL, o.MaxStale = now.now, 10_000*time.Hour, 20_000*time.Hour
	})
	return &now, b, c
}

// previousKey is an element of a document's previous.
func previousKey(kid, secret string, times map[string]any) map[string]any {
	key := map[string]any{"kid": kid, "shared_secret": secret, "created_at": at(-time.Hour)}
	for name, value := range times {
		key[name] = value
	}
	return key
}

// moment is what a ring must do at a time: who signs, "" for nobody, and whose
// tags are accepted.
type moment struct {
	after    time.Duration
	signs    string
	verifies []string
}

// checkMoments goes through time with a keyring that is kept and with the
// client's own. The keys are known by their kids.
func checkMoments(t *testing.T, now *clock, b *secretstest.Backend, c *tenantsecrets.Client, secrets map[string]string, moments []moment) {
	t.Helper()
	kept, err := c.TenantSecret(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	b.ClearCalls()
	for _, m := range moments {
		now.set(epoch.Add(m.after))
		s, err := c.TenantSecret(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []tenantsecrets.Keyring{kept.Keys(), s.Keys()} {
			checkSigner(t, k, secrets, m)
			checkVerifiers(t, k, secrets, m)
		}
	}
	checkNoCalls(t, b)
}

func checkSigner(t *testing.T, k tenantsecrets.Keyring, secrets map[string]string, m moment) {
	t.Helper()
	signature, err := tenantsecrets.SignHMAC(k, []byte("message"))
	tags, macsErr := k.MACs([]byte("message"))
	if m.signs == "" {
		checkOutcome(t, m.after.String()+": SignHMAC", err, tenantsecrets.ErrNoKey)
		checkOutcome(t, m.after.String()+": MACs", macsErr, tenantsecrets.ErrNoKey)
		return
	}
	if err != nil || macsErr != nil {
		t.Fatalf("%v: SignHMAC: %v; MACs: %v", m.after, err, macsErr)
	}
	// The signing key's tag comes first, then the others' in ring order.
	kids := []string{m.signs}
	for _, kid := range m.verifies {
		if kid != m.signs {
			kids = append(kids, kid)
		}
	}
	var want []string
	for _, kid := range kids {
		want = append(want, hex.EncodeToString(tagOf(secrets[kid], "message")))
	}
	var got []string
	for _, tag := range tags {
		got = append(got, hex.EncodeToString(tag))
	}
	if signature != want[0] {
		t.Errorf("%v: %s does not sign", m.after, m.signs)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v: the %d tags are not those of %v", m.after, len(got), kids)
	}
}

func checkVerifiers(t *testing.T, k tenantsecrets.Keyring, secrets map[string]string, m moment) {
	t.Helper()
	for kid, secret := range secrets {
		tag := tagOf(secret, "message")
		var want error
		position := slices.Index(m.verifies, kid)
		switch {
		case len(m.verifies) == 0:
			want = tenantsecrets.ErrNoKey
		case position < 0:
			want = tenantsecrets.ErrMismatch
		}
		what := m.after.String() + ": " + kid
		checkOutcome(t, what, tenantsecrets.VerifyHMAC(k, []byte("message"), hex.EncodeToString(tag)), want)
		matched, newest, err := k.Match([][]byte{tag}, []byte("message"))
		checkOutcome(t, what, err, want)
		if want == nil && (matched != kid || newest != (position == 0)) {
			t.Errorf("%s: Match is %q, newest: %v", what, matched, newest)
		}
	}
}

func newKids(kids ...string) map[string]string {
	secrets := map[string]string{}
	for i, secret := range newSecrets(len(kids)) {
		secrets[kids[i]] = secret
	}
	return secrets
}

// A key verifies from the moment it is seen, signs from its sign_after on, and
// does neither from its not_after on.
func TestRotatedRing(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("new", "old", "older")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "base": "v1", "sign_after": at(2 * time.Hour),
		"previous": []any{
			previousKey("old", secrets["old"], map[string]any{"sign_after": at(-time.Hour), "not_after": at(26 * time.Hour)}),
			previousKey("older", secrets["older"], map[string]any{"not_after": at(time.Hour)}),
		},
	}))
	all, two, one := []string{"new", "old", "older"}, []string{"new", "old"}, []string{"new"}
	checkMoments(t, now, b, c, secrets, []moment{
		{-3 * time.Hour, "older", all},
		{-time.Hour - 1, "older", all},
		{-time.Hour, "old", all},
		{0, "old", all},
		{time.Hour - 1, "old", all},
		{time.Hour, "old", two},
		{2*time.Hour - 1, "old", two},
		{2 * time.Hour, "new", two},
		{26*time.Hour - 1, "new", two},
		{26 * time.Hour, "new", one},
		{5_000 * time.Hour, "new", one},
		{0, "old", all}, // a clock that is set back
	})
}

func TestRingThatMayNotSignYet(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("new")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "sign_after": at(time.Hour),
	}))
	checkMoments(t, now, b, c, secrets, []moment{
		{0, "", []string{"new"}},
		{time.Hour - 1, "", []string{"new"}},
		{time.Hour, "new", []string{"new"}},
	})
}

// The older key ends before the newer one may sign.
func TestRingWithAGap(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("new", "old")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "base": "v1", "sign_after": at(2 * time.Hour),
		"previous": []any{previousKey("old", secrets["old"], map[string]any{"not_after": at(time.Hour)})},
	}))
	checkMoments(t, now, b, c, secrets, []moment{
		{time.Hour - 1, "old", []string{"new", "old"}},
		{time.Hour, "", []string{"new"}},
		{2 * time.Hour, "new", []string{"new"}},
	})
}

func TestRingThatEnds(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("new", "old")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "base": "v1", "revoked": []string{"new"},
		"previous": []any{previousKey("old", secrets["old"], map[string]any{"not_after": at(time.Hour)})},
	}))
	checkMoments(t, now, b, c, secrets, []moment{
		{time.Hour - 1, "old", []string{"old"}},
		{time.Hour, "", nil},
	})
	for _, secret := range secrets {
		err := c.VerifyHMAC(t.Context(), tenant, []byte("message"), hex.EncodeToString(tagOf(secret, "message")))
		checkOutcome(t, "Client.VerifyHMAC", err, tenantsecrets.ErrNoKey)
	}
	checkNoCalls(t, b)
}

// A writer who knows nothing of rings displaces the key; it lives on for a day.
func TestForeignWriteKeepsTheKeyForADay(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("first", "second")
	store(t, b, hmacName, document(t, map[string]any{"shared_secret": secrets["first"], "kid": "first"}))
	now.set(epoch.Add(time.Hour))
	put(t, b, hmacName, document(t, map[string]any{"shared_secret": secrets["second"], "kid": "second"}))
	both := []string{"second", "first"}
	checkMoments(t, now, b, c, secrets, []moment{
		{time.Hour, "second", both},
		{25*time.Hour - 1, "second", both},
		{25 * time.Hour, "second", []string{"second"}},
	})
}

// Of ten keys the first eight live ones are tried: where one ends, the next one
// takes its place.
func TestStoredRingOfTen(t *testing.T) {
	now, b, c := dated(t)
	var kids []string
	for i := range 10 {
		kids = append(kids, strconv.Itoa(i))
	}
	secrets := newKids(kids...)
	previous := []any{previousKey("1", secrets["1"], map[string]any{"not_after": at(time.Hour)})}
	for _, kid := range kids[2:] {
		previous = append(previous, previousKey(kid, secrets[kid], nil))
	}
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["0"], "kid": "0", "base": "v1", "previous": previous,
	}))
	checkMoments(t, now, b, c, secrets, []moment{
		{0, "0", kids[:8]},
		{time.Hour, "0", append([]string{"0"}, kids[2:9]...)},
	})
}

// Two times in one ring: an operation reads the clock once.
func TestOneTimePerOperation(t *testing.T) {
	_, b, _ := dated(t)
	secrets := newKids("new", "old")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "base": "v1", "sign_after": at(time.Hour),
		"previous": []any{previousKey("old", secrets["old"], map[string]any{"not_after": at(2 * time.Hour)})},
	}))
	var reads atomic.Int64
	c := newClient(t, b, func(o *tenantsecrets.Options) {
		o.Now = func() time.Time { reads.Add(1); return epoch }
	})
	s, err := c.TenantSecret(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func() error{
		"SignHMAC": func() error { _, err := tenantsecrets.SignHMAC(s.Keys(), nil); return err },
		"MACs":     func() error { _, err := s.Keys().MACs(nil); return err },
		"VerifyHMAC": func() error {
			return tenantsecrets.VerifyHMAC(s.Keys(), nil, hex.EncodeToString(tagOf(secrets["old"])))
		},
	} {
		before := reads.Load()
		if err := call(); err != nil || reads.Load()-before != 1 {
			t.Errorf("%s reads the clock %d times, %v", what, reads.Load()-before, err)
		}
	}
}

// A stored key is the bytes its encoding says; without one, its own.
func TestStoredEncodings(t *testing.T) {
	key := strings.Repeat("\xfb\xef\xff\x00", 8)
	for _, tt := range []struct {
		encoding any
		text     string
		key      string
	}{
		{nil, "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)), "whsec_" + base64.StdEncoding.EncodeToString([]byte(key))},
		{"whsec", "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)), key},
		{"hex", hex.EncodeToString([]byte(key)), key},
		{"base64", base64.StdEncoding.EncodeToString([]byte(key)), key},
		{"base64url", base64.RawURLEncoding.EncodeToString([]byte(key)), key},
	} {
		_, b, c := dated(t)
		store(t, b, hmacName, document(t, map[string]any{"shared_secret": tt.text, "encoding": tt.encoding}))
		err := c.VerifyHMAC(t.Context(), tenant, []byte("message"), hex.EncodeToString(tagOf(tt.key, "message")))
		if err != nil {
			t.Errorf("encoding %v: %v", tt.encoding, err)
		}
		s, err := c.TenantSecret(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		if s.Secret().Reveal() != tt.text || s.WebhookSecret().Reveal() != "whsec_"+base64.StdEncoding.EncodeToString([]byte(tt.key)) {
			t.Errorf("encoding %v: what is handed out is not the key", tt.encoding)
		}
	}
}

func TestClientIsShared(t *testing.T) {
	now, b, c := dated(t)
	secrets := newKids("new", "old")
	store(t, b, hmacName, document(t, map[string]any{
		"shared_secret": secrets["new"], "kid": "new", "base": "v1", "sign_after": at(time.Hour),
		"previous": []any{previousKey("old", secrets["old"], map[string]any{"not_after": at(2 * time.Hour)})},
	}))
	checkMoments(t, now, b, c, secrets, []moment{{0, "old", []string{"new", "old"}}})
	for worker := range 8 {
		t.Run(strconv.Itoa(worker), func(t *testing.T) {
			t.Parallel()
			for i := range 100 {
				now.set(epoch.Add(time.Duration(i%2) * 90 * time.Minute)) // both keys live, another one signs
				signature := hex.EncodeToString(tagOf(secrets[[]string{"new", "old"}[worker%2]], "message"))
				if err := c.VerifyHMAC(t.Context(), tenant, []byte("message"), signature); err != nil {
					t.Error(err)
				}
				s, err := c.TenantSecret(t.Context(), tenant)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := tenantsecrets.SignHMAC(s.Keys(), []byte("message")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
