package tenantsecrets_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// tellingMessage returns a message whose tag has what the table below needs: a
// letter among the hex digits, and characters that base64url has not.
func tellingMessage(key string) string {
	for i := 0; ; i++ {
		message := "message " + strconv.Itoa(i)
		tag := tagOf(key, message)
		if strings.ContainsAny(hex.EncodeToString(tag), "abcdef") && strings.ContainsAny(base64.StdEncoding.EncodeToString(tag), "+/") {
			return message
		}
	}
}

type signatureCase struct {
	what, text string
	want       error
}

// signatureCases are texts around a tag, and around another one of the message.
func signatureCases(tag, other []byte) []signatureCase {
	x, b := hex.EncodeToString(tag), base64.StdEncoding.EncodeToString(tag)
	x2, b2 := hex.EncodeToString(other), base64.StdEncoding.EncodeToString(other)
	url := base64.URLEncoding.EncodeToString(tag)
	letter := strings.IndexAny(x, "abcdef")
	cases := []signatureCase{
		{"hex", x, nil},
		{"hex with its prefix", "sha256=" + x, nil},
		{"base64", b, nil},

		{"another tag's hex", x2, tenantsecrets.ErrMismatch},
		{"another tag's hex with its prefix", "sha256=" + x2, tenantsecrets.ErrMismatch},
		{"another tag's base64", b2, tenantsecrets.ErrMismatch},
		{"zeros", strings.Repeat("0", 64), tenantsecrets.ErrMismatch},
	}
	for what, text := range map[string]string{
		"nothing":              "",
		"a space":              " ",
		"a newline":            "\n",
		"44 spaces":            strings.Repeat(" ", 44),
		"64 spaces":            strings.Repeat(" ", 64),
		"44 newlines":          strings.Repeat("\n", 44),
		"44 pads":              strings.Repeat("=", 44),
		"64 NULs":              strings.Repeat("\x00", 64),
		"a megabyte":           strings.Repeat("a", 1<<20),
		"a megabyte of hex":    strings.Repeat(x, 1<<14),
		"64 bytes, non-ASCII":  strings.Repeat("\u0430", 32),
		"44 bytes, non-ASCII":  strings.Repeat("\u0430", 22),
		"64 full-width digits": strings.Repeat("\uff11", 64),
		"64 bytes, not hex":    strings.Repeat("g", 64),
		"hex of the redaction": hex.EncodeToString([]byte(tenantsecrets.Value{}.String())),

		"hex, 1 digit short":         x[:63],
		"hex, 2 digits short":        x[:62],
		"hex, half":                  x[:32],
		"hex, 1 digit more":          x + "0",
		"hex, 1 byte more":           x + "00",
		"hex, twice":                 x + x,
		"hex, as long as with a tag": x + "0000000",
		"hex, upper case":            strings.ToUpper(x),
		"hex, one digit upper case":  x[:letter] + strings.ToUpper(x[letter:letter+1]) + x[letter+1:],
		"hex, a space before":        " " + x,
		"hex, a space behind":        x + " ",
		"hex, a newline behind":      x + "\n",
		"hex, CR LF behind":          x + "\r\n",
		"hex, NUL behind":            x + "\x00",
		"hex, a newline within":      x[:32] + "\n" + x[32:],
		"hex, a newline for a digit": x[:63] + "\n",
		"hex, a space for a digit":   " " + x[1:],
		"hex, 0x for two digits":     "0x" + x[2:],
		"hex, 0x before":             "0x" + x,
		"hex, quoted":                `"` + x + `"`,
		"hex, twice with a comma":    x + "," + x,

		"a prefix alone":                "sha256=",
		"a prefix twice":                "sha256=sha256=" + x,
		"a prefix behind":               x + "sha256=",
		"a prefix, upper case":          "SHA256=" + x,
		"a prefix, mixed case":          "Sha256=" + x,
		"a prefix, another hash":        "sha512=" + x,
		"a prefix, SHA-1":               "sha1=" + x[:40],
		"a prefix, a colon":             "sha256:" + x,
		"a prefix, a space":             "sha256= " + x,
		"a prefix, a space for a digit": "sha256= " + x[1:],
		"a prefix and upper case":       "sha256=" + strings.ToUpper(x),
		"a prefix, 1 digit short":       "sha256=" + x[:63],
		"a prefix, 1 digit more":        "sha256=" + x + "0",
		"a prefix, 57 digits":           "sha256=" + x[:57], // 64 characters
		"a prefix, 37 digits":           "sha256=" + x[:37], // 44 characters
		"a prefix and base64":           "sha256=" + b,
		"a scheme's version":            "v1," + b,
		"a scheme's version and hex":    "v1=" + x,

		"base64 without padding":            b[:43],
		"base64 with two pads":              b + "=",
		"base64, a pad for a character":     b[:42] + "==",
		"base64, no pad but a character":    b[:43] + "A",
		"base64, pad before":                "=" + b[:43],
		"base64, 1 character short":         b[:42] + "=",
		"base64, another 4 characters":      b + "AAAA",
		"base64, a space behind":            b + " ",
		"base64, a newline behind":          b + "\n",
		"base64, CR LF behind":              b + "\r\n",
		"base64, a newline within":          b[:22] + "\n" + b[22:],
		"base64, CR LF within":              b[:22] + "\r\n" + b[22:],
		"base64, a newline for the pad":     b[:43] + "\n",
		"base64, a newline for a character": "\n" + b[1:],
		"base64, CR LF for the last two":    b[:42] + "\r\n",
		"base64, CR LF for the first two":   "\r\n" + b[2:],
		"base64, newlines for a quantum":    b[:20] + "\r\n\r\n" + b[24:],
		"base64, newlines before the pad":   b[:20] + b[23:43] + "\n\n\n=",
		"base64 of 30 bytes and newlines":   base64.StdEncoding.EncodeToString(tag[:30]) + "\n\n\n\n",
		"base64 of 31 bytes":                base64.StdEncoding.EncodeToString(tag[:31]),
		"base64 of 33 bytes":                base64.StdEncoding.EncodeToString(append(slices.Clone(tag), 0)),
		"base64 of the hex":                 base64.StdEncoding.EncodeToString([]byte(x)),
		"base64url":                         url,
		"base64url without padding":         url[:43],
		"base64, quoted":                    `"` + b + `"`,
	} {
		cases = append(cases, signatureCase{what, text, tenantsecrets.ErrSignature})
	}
	for bits := 1; bits <= 3; bits++ {
		cases = append(cases, signatureCase{"base64, trailing bits " + strconv.Itoa(bits), withTrailingBits(b, bits), tenantsecrets.ErrSignature})
	}
	return cases
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// withTrailingBits sets the two bits that the last character has too many.
func withTrailingBits(b64 string, bits int) string {
	last := strings.IndexByte(base64Alphabet, b64[42])
	return b64[:42] + base64Alphabet[last|bits:][:1] + "="
}

func TestSignatures(t *testing.T) {
	secret := newSecrets(1)[0]
	k, message := keyringOf(t, secret), tellingMessage(secret)
	for _, tt := range signatureCases(tagOf(secret, message), tagOf(secret, message, "!")) {
		checkOutcome(t, tt.what, tenantsecrets.VerifyHMAC(k, []byte(message), tt.text), tt.want)
	}
}

// A lax decoder takes these for the tag: they are in the table for a reason.
func TestTrailingBitsWouldPass(t *testing.T) {
	tag := tagOf(newSecrets(1)[0], "message")
	for bits := 1; bits <= 3; bits++ {
		decoded, err := base64.StdEncoding.DecodeString(withTrailingBits(base64.StdEncoding.EncodeToString(tag), bits))
		if err != nil || string(decoded) != string(tag) {
			t.Errorf("trailing bits %d: %v", bits, err)
		}
	}
}

// A Client has the same outcomes. It asks Secrets Manager again before it says
// ErrMismatch, and never otherwise.
func TestClientSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		s, err := c.CreateTenant(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		secret := s.Secret().Reveal()
		message := tellingMessage(secret)
		for _, tt := range signatureCases(tagOf(secret, message), tagOf(secret, message, "!")) {
			time.Sleep(time.Minute) // of the bubble; loads that mismatches ask for are apart
			b.ClearCalls()
			err := c.VerifyHMAC(t.Context(), tenant, []byte(message), tt.text)
			checkOutcome(t, tt.what, err, tt.want)
			if asked := len(b.Calls()) > 0; asked != (tt.want == tenantsecrets.ErrMismatch) { //nolint:errorlint // the sentinel itself is in the table
				t.Errorf("%s: %d calls", tt.what, len(b.Calls()))
			}
			if err != nil && len(tt.text) > 20 && strings.Contains(err.Error(), tt.text[:20]) {
				t.Errorf("%s: the error holds the signature", tt.what)
			}
		}
	})
}

func TestMalformedSignatureOfUnknownTenant(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	err := c.VerifyHMAC(t.Context(), tenant, []byte("message"), "sha256=")
	checkOutcome(t, "a malformed signature", err, tenantsecrets.ErrSignature)
	if errors.Is(err, tenantsecrets.ErrNotFound) {
		t.Error(err)
	}
	checkNoCalls(t, b)
}
