//go:build !race

package tenantsecrets_test

import (
	"crypto/fips140"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// The race detector allocates on its own, so this is measured without it.
func TestNoAllocations(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("in FIPS mode crypto/hmac makes the tags, and allocates")
	}
	b, ctx := secretstest.New(), t.Context()
	c := newClient(t, b)
	s, err := c.CreateTenant(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	const destinations = "prod/formbridge/t_abc123/destinations/webhook1/"
	store(t, b, destinations+"api_key", `{"tenant_id":"t_abc123","api_key":"the key"}`)
	store(t, b, destinations+"hmac_key", document(t, nil))

	message := []byte(strings.Repeat("0123456789abcdef", 64))
	tag := tagOf(s.Secret().Reveal(), string(message))
	signature := hex.EncodeToString(tag)
	tags := [][]byte{tag}
	rotated := keyringOf(t, append(newSecrets(7), s.Secret().Reveal())...)
	apiKey, hmacKey := tenantsecrets.DestinationAPIKey("webhook1"), tenantsecrets.DestinationHMACKey("webhook1")

	try := func(k tenantsecrets.Keyring) error { _, _, err := k.Match(tags, message); return err }

	for _, tt := range []struct {
		what string
		call func() error
	}{
		{"VerifyHMAC, hex", func() error { return tenantsecrets.VerifyHMAC(s.Keys(), message, signature) }},
		{"VerifyHMAC, eight keys", func() error { return tenantsecrets.VerifyHMAC(rotated, message, signature) }},
		{"Match", func() error { _, _, err := s.Keys().Match(tags, message[:10], message[10:]); return err }},
		{"Match, eight keys", func() error { _, _, err := rotated.Match(tags, message); return err }},
		{"Client.VerifyHMAC", func() error { return c.VerifyHMAC(ctx, tenant, message, signature) }},
		{"Client.Verify", func() error { return c.Verify(ctx, tenant, try) }},
		{"Client.TenantSecret", func() error { _, err := c.TenantSecret(ctx, tenant); return err }},
		{"Get of an API key", func() error { _, err := tenantsecrets.Get(ctx, c, tenant, apiKey); return err }},
		{"Get of an HMAC key", func() error { _, err := tenantsecrets.Get(ctx, c, tenant, hmacKey); return err }},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if err := tt.call(); err != nil { // warm from here on
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(100, func() { _ = tt.call() }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
