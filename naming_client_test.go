package tenantsecrets_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// badPart is no part of a name, wherever it stands.
type badPart struct{ what, text string }

var badParts = []badPart{
	{"empty", ""},
	{"a dot", "."},
	{"two dots", ".."},
	{"two dots and more", "../t_a"},
	{"a slash", "/"},
	{"a slash before", "/t_a"},
	{"a slash behind", "t_a/"},
	{"a backslash", `t\a`},
	{"a star", "*"},
	{"a star behind", "t_*"},
	{"a question mark", "t_?"},
	{"a filter's negation", "!t_a"},
	{"a policy variable", "${aws:PrincipalTag/TenantId}"},
	{"a shell variable", "${x}"},
	{"an escape", "t%5fa"},
	{"a colon", "t:a"},
	{"characters that Secrets Manager takes", "t+a=b.c@d"},
	{"a space", " "},
	{"a space before", " t_a"},
	{"a space behind", "t_a "},
	{"a tab", "t\ta"},
	{"a newline behind", "t_a\n"},
	{"a carriage return", "t_a\r\n"},
	{"NUL", "t_a\x00"},
	{"DEL", "t_a\x7f"},
	{"an escape sequence", "\x1b[2J"},
	{"a hyphen before", "-t_a"},
	{"an underscore before", "_t_a"},
	{"an accent", "t_\u00e9"},
	{"a Cyrillic a", "t_\u0430"},
	{"a Cyrillic a before", "\u0430bc"},
	{"a full-width t", "\uff54_a"},
	{"a full-width digit", "t_\uff11"},
	{"an Arabic digit", "t_\u0661"},
	{"a Kelvin sign", "t_\u212a"},
	{"a full-width slash", "t\uff0fa"},
	{"a no-break space", "t\u00a0a"},
	{"a zero-width space", "t_a\u200b"},
	{"a change of direction", "t_\u202ea"},
	{"a line separator", "t_a\u2028"},
	{"invalid UTF-8", "t_\xff"},
	{"64 characters", strings.Repeat("a", 64)},
	{"a megabyte", strings.Repeat("a", 1<<20)},
	{"a megabyte of control characters", strings.Repeat("\n\x1b", 1<<19)},
}

// badSingles are good paths, but bad where one part is asked for.
var badSingles = append([]badPart{{"two parts", "t_a/b"}}, badParts...)

// door is a way into the client.
type door struct {
	op, what string
	call     func(t *testing.T, c *tenantsecrets.Client, tenant string) error
}

var textKind = tenantsecrets.Kind[string]{
	Path:   "text",
	Decode: func(stored []byte) (string, error) { return string(stored), nil },
}

var tenantDoors = []door{
	{"TenantSecret", "", func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		_, err := c.TenantSecret(t.Context(), tenant)
		return err
	}},
	{"CreateTenant", "", func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		_, err := c.CreateTenant(t.Context(), tenant)
		return err
	}},
	{"Verify", "", func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		return c.Verify(t.Context(), tenant, func(tenantsecrets.Keyring) error {
			t.Error("Verify tries a tenant that cannot be")
			return nil
		})
	}},
	{"VerifyHMAC", "a signature", func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		return c.VerifyHMAC(t.Context(), tenant, nil, strings.Repeat("0", 64))
	}},
	{"VerifyHMAC", "no signature", func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		return c.VerifyHMAC(t.Context(), tenant, nil, "")
	}},
	getDoor("a destination's API key", tenantsecrets.DestinationAPIKey("webhook1")),
	getDoor("a destination's HMAC key", tenantsecrets.DestinationHMACKey("webhook1")),
}

func getDoor[T any](what string, kind tenantsecrets.Kind[T]) door {
	return door{"Get", what, func(t *testing.T, c *tenantsecrets.Client, tenant string) error {
		_, err := tenantsecrets.Get(t.Context(), c, tenant, kind)
		return err
	}}
}

func TestTenantsRefused(t *testing.T) {
	for _, d := range append(tenantDoors, getDoor("a kind of one's own", textKind)) {
		t.Run(d.op+" "+d.what, func(t *testing.T) {
			b := secretstest.New()
			c := newClient(t, b)
			for _, bad := range badSingles {
				t.Run(bad.what, func(t *testing.T) {
					checkRefused(t, d.call(t, c, bad.text), d.op, tenantsecrets.ErrInvalidTenant)
				})
			}
			checkNoCalls(t, b)
		})
	}
}

func TestGlobalIsNoTenant(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	for _, d := range tenantDoors {
		t.Run(d.op+" "+d.what, func(t *testing.T) {
			checkRefused(t, d.call(t, c, tenantsecrets.Global), d.op, tenantsecrets.ErrInvalidTenant)
		})
	}
	checkNoCalls(t, b)

	_, err := tenantsecrets.Get(t.Context(), c, tenantsecrets.Global, textKind)
	if !errors.Is(err, tenantsecrets.ErrNotFound) || len(b.Calls()) != 1 {
		t.Errorf("Get asks %d times and returns %v", len(b.Calls()), err)
	}
}

func TestDestinationsRefused(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	for _, bad := range badSingles {
		t.Run(bad.what, func(t *testing.T) {
			for _, d := range []door{
				getDoor("", tenantsecrets.DestinationAPIKey(bad.text)),
				getDoor("", tenantsecrets.DestinationHMACKey(bad.text)),
			} {
				checkRefused(t, d.call(t, c, tenant), "Get", tenantsecrets.ErrInvalidName)
			}
		})
	}
	checkNoCalls(t, b)
}

func TestPathsRefused(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	bad := []badPart{
		{"the end of an ARN", "api-secret"},
		{"the end of an ARN in a part", "destinations/webhook1/api-secret"},
		{"a full name over 512 characters", strings.Repeat(longestPart+"/", 7) + longestPart},
	}
	for _, part := range badParts {
		bad = append(bad, part, badPart{part.what + " within", "destinations/" + part.text + "/api_key"})
	}
	for _, path := range bad {
		t.Run(path.what, func(t *testing.T) {
			kind := tenantsecrets.Kind[string]{Path: path.text, Decode: textKind.Decode}
			checkRefused(t, getDoor("", kind).call(t, c, tenant), "Get", tenantsecrets.ErrInvalidName)
			checkRefused(t, getDoor("", kind).call(t, c, tenantsecrets.Global), "Get", tenantsecrets.ErrInvalidName)
		})
	}
	checkNoCalls(t, b)
}

func TestNamingsRefused(t *testing.T) {
	b := secretstest.New()
	for _, bad := range badSingles {
		t.Run(bad.what, func(t *testing.T) {
			for _, n := range []tenantsecrets.Naming{
				{Environment: bad.text, Service: "formbridge"},
				{Environment: "prod", Service: bad.text},
			} {
				c, err := tenantsecrets.New(b, n)
				if c != nil {
					t.Error("New makes a client")
				}
				checkInvalid(t, err, tenantsecrets.ErrInvalidName)
				_, err = n.Build(tenant, "hmac_key")
				checkInvalid(t, err, tenantsecrets.ErrInvalidName)
				_, _, err = n.Parse(hmacName)
				checkInvalid(t, err, tenantsecrets.ErrInvalidName)
			}
		})
	}
	checkNoCalls(t, b)
}

func checkRefused(t *testing.T, err error, op string, want error) {
	t.Helper()
	checkInvalid(t, err, want)
	var e *tenantsecrets.Error
	if !errors.As(err, &e) || e.Op != op {
		t.Errorf("the error is not one of %s: %v", op, err)
	}
}

// checkInvalid wants one sentinel, and a printable text.
func checkInvalid(t *testing.T, err, want error) {
	t.Helper()
	for _, sentinel := range []error{
		tenantsecrets.ErrInvalidTenant, tenantsecrets.ErrInvalidName, tenantsecrets.ErrInvalidOption,
		tenantsecrets.ErrSignature, tenantsecrets.ErrNotFound,
	} {
		if errors.Is(err, sentinel) != (sentinel == want) { //nolint:errorlint // the sentinel itself is looked for
			t.Fatalf("the error is %v, not %v", err, want)
		}
	}
	checkPrintable(t, err)
}

// checkPrintable wants a text that can neither fill nor forge a line of a log.
func checkPrintable(t *testing.T, err error) {
	t.Helper()
	if len(err.Error()) > 1500 {
		t.Errorf("the text has %d characters", len(err.Error()))
	}
	for _, r := range err.Error() {
		if r < ' ' || r > '~' {
			t.Errorf("%U stands in the text", r)
		}
	}
}

func checkNoCalls(t *testing.T, b *secretstest.Backend) {
	t.Helper()
	if calls := operations(b); len(calls) > 0 {
		t.Errorf("Secrets Manager is asked: %v", calls)
	}
}

// Names of which one begins another, or which differ in case alone.
func TestTenantsNeverMeet(t *testing.T) {
	for _, pair := range [][2]string{
		{"t_a", "t_abc"}, {"t_abc", "t_a"}, {"t_a", "T_A"}, {"T_A", "t_a"}, {"1", "10"}, {"t_abc123", "t_abc123-AbCdEf"},
	} {
		t.Run(pair[0]+" "+pair[1], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkApart(t, pair[0], pair[1]) })
		})
	}
}

func checkApart(t *testing.T, one, other string) {
	b, ctx, message := secretstest.New(), context.Background(), []byte("message")
	creator := newClient(t, b)
	first, err := creator.CreateTenant(ctx, one)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(first.Keys(), message)
	if err != nil {
		t.Fatal(err)
	}
	clients := []*tenantsecrets.Client{creator, newClient(t, b)}
	for _, c := range clients {
		if _, err := c.TenantSecret(ctx, other); !errors.Is(err, tenantsecrets.ErrNotFound) {
			t.Errorf("%s, which is not there, is answered with %v", other, err)
		}
		err := c.VerifyHMAC(ctx, other, message, signature)
		if !errors.Is(err, tenantsecrets.ErrNotFound) || !errors.Is(err, tenantsecrets.ErrSignature) {
			t.Errorf("a signature for %s, which is not there, is answered with %v", other, err)
		}
	}

	second, err := creator.CreateTenant(ctx, other)
	if err != nil {
		t.Fatal(err)
	}
	if second.Secret().Equal(first.Secret()) {
		t.Error("both have one secret")
	}
	for _, c := range append(clients, newClient(t, b)) {
		checkSecret(t, c, one, first)
		if err := c.VerifyHMAC(ctx, one, message, signature); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []*tenantsecrets.Client{creator, newClient(t, b)} {
		checkSecret(t, c, other, second)
		if err := c.VerifyHMAC(ctx, other, message, signature); !errors.Is(err, tenantsecrets.ErrMismatch) {
			t.Errorf("a signature of %s for %s is answered with %v", one, other, err)
		}
	}
}

func checkSecret(t *testing.T, c *tenantsecrets.Client, tenant string, want *tenantsecrets.TenantSecret) {
	t.Helper()
	s, err := c.TenantSecret(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Secret().Equal(want.Secret()) {
		t.Errorf("%s has another secret than it was given", tenant)
	}
}

func TestDestinationsNeverMeet(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	store(t, b, "prod/formbridge/t_abc123/destinations/w1/api_key", `{"tenant_id":"t_abc123","api_key":"the first"}`)
	for _, destination := range []string{"w", "w10", "W1"} {
		if _, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey(destination)); !errors.Is(err, tenantsecrets.ErrNotFound) {
			t.Errorf("%s is answered with %v", destination, err)
		}
	}
	if key, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("w1")); err != nil || key.Key.Reveal() != "the first" {
		t.Error("w1 has another key than it was given", err)
	}
}
