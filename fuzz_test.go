package tenantsecrets_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets"
)

// seed gives a fuzzer its first inputs; without any it would show little.
func seed[T any](f *testing.F, seeds []T, add func(T)) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("there is nothing to begin with")
	}
	for _, s := range seeds {
		add(s)
	}
}

// A signature is accepted where it is one of three texts, and no other.
func FuzzVerifyHMAC(f *testing.F) {
	const message = "message"
	secret := strings.Repeat("0123456789abcdef", 2) // inputs that are found stay meaningful
	k := keyringOf(f, secret)
	tag := tagOf(secret, message)
	canonical := []string{hex.EncodeToString(tag), "sha256=" + hex.EncodeToString(tag), base64.StdEncoding.EncodeToString(tag)}

	seed(f, signatureCases(tag, tagOf(secret, "another")), func(c signatureCase) {
		if len(c.text) < 1000 {
			f.Add(c.text)
		}
	})
	f.Fuzz(func(t *testing.T, signature string) {
		err := tenantsecrets.VerifyHMAC(k, []byte(message), signature)
		switch {
		case slices.Contains(canonical, signature):
			if err != nil {
				t.Error(err)
			}
		case wellFormed(signature):
			checkOutcome(t, "a tag", err, tenantsecrets.ErrMismatch)
		default:
			checkOutcome(t, "no tag", err, tenantsecrets.ErrSignature)
		}
		checkMessage(t, err)
	})
}

var hexSignature = regexp.MustCompile(`^(sha256=)?[0-9a-f]{64}$`)

// wellFormed tells whether an encoder writes the text for some 32 bytes.
func wellFormed(signature string) bool {
	if hexSignature.MatchString(signature) {
		return true
	}
	decoded, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && len(decoded) == 32 && base64.StdEncoding.EncodeToString(decoded) == signature
}

// checkMessage wants an error's text not to depend on what came in.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if text := err.Error(); text != tenantsecrets.ErrSignature.Error() && text != tenantsecrets.ErrMismatch.Error() {
		t.Errorf("the text is %q", text)
	}
}

// What Parse accepts, Build gives back, and a client of another naming refuses.
func FuzzParseName(f *testing.F) {
	names := []string{
		hmacName,
		"prod/formbridge/t_abc123/destinations/webhook1/api_key",
		"prod/formbridge/global/encryption_key",
		"prod/formbridge/t_abc123/api-secret",
		"prod/formbridge/t-abcd/k",
		"prod/formbridge/t_\u0430/hmac_key",
		"prod/formbridge//hmac_key",
		"prod/formbridge/t_a/hmac_key/",
		"prod/formbridge/../hmac_key",
		"prod/formbridge/t_a/hmac_key\n",
		"prod/formbridge/" + longestPart + "/" + longestPart,
		"prod/formbridge/t_a/" + strings.Repeat(longestPart+"/", 8) + "a",
		"staging/formbridge/t_a/hmac_key",
	}
	seed(f, names, func(name string) { f.Add(name) })
	other := tenantsecrets.Naming{Environment: "staging", Service: "formbridge"}
	f.Fuzz(func(t *testing.T, name string) {
		tenant, path, err := naming.Parse(name)
		if accepted := isName(name) && strings.HasPrefix(name, "prod/formbridge/"); accepted != (err == nil) {
			t.Fatalf("Parse returns %v", err)
		}
		if err != nil {
			checkPrintable(t, err)
			return
		}
		if built, err := naming.Build(tenant, path); err != nil || built != name {
			t.Errorf("Build is %q, %v", built, err)
		}
		if _, _, err := other.Parse(name); !errors.Is(err, tenantsecrets.ErrInvalidName) {
			t.Errorf("another naming's Parse returns %v", err)
		}
	})
}

// What Secrets Manager takes as a name: API reference, CreateSecret, Name.
var awsName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

// Whatever Build accepts is a name in Secrets Manager, and stands for these parts
// alone.
func FuzzTenant(f *testing.F) {
	seed(f, badSingles, func(bad badPart) {
		if len(bad.text) < 1000 {
			f.Add("prod", "formbridge", bad.text, "hmac_key")
			f.Add("prod", "formbridge", "t_abc123", bad.text)
			f.Add(bad.text, "formbridge", "t_abc123", "hmac_key")
		}
	})
	f.Add("prod", "formbridge", tenantsecrets.Global, "encryption_key")
	f.Add(longestPart, longestPart, longestPart, strings.Repeat(longestPart+"/", 4)+"b")
	f.Add(longestPart, longestPart, longestPart, strings.Repeat(longestPart+"/", 5)+"b")
	f.Fuzz(func(t *testing.T, environment, service, tenant, path string) {
		n := tenantsecrets.Naming{Environment: environment, Service: service}
		name, err := n.Build(tenant, path)
		if err != nil {
			if name != "" || errors.Is(err, tenantsecrets.ErrInvalidTenant) == errors.Is(err, tenantsecrets.ErrInvalidName) {
				t.Errorf("Build is %q, %v", name, err)
			}
			checkPrintable(t, err)
			return
		}
		if !awsName.MatchString(name) || endsLikeARN.MatchString(name) {
			t.Errorf("%q is no name in Secrets Manager", name)
		}
		if parts := strings.SplitN(name, "/", 4); !slices.Equal(parts, []string{environment, service, tenant, path}) {
			t.Errorf("%q stands for %q", name, parts)
		}
		if tenant != tenantsecrets.Global && !partPattern.MatchString(tenant) {
			t.Errorf("%q is no tenant id", tenant)
		}
	})
}
