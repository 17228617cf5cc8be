package document

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestKeySize(t *testing.T) {
	for size, ok := range map[int]bool{1: false, 15: false, 16: true, 32: true, 128: true, 129: false} {
		key := random(t, 97)[:size]
		for encoding, secret := range map[string]string{
			"":          key,
			"hex":       hex.EncodeToString([]byte(key)),
			"base64":    base64.StdEncoding.EncodeToString([]byte(key)),
			"base64url": base64.RawURLEncoding.EncodeToString([]byte(key)),
			"whsec":     Whsec([]byte(key)),
		} {
			edits := []string{"shared_secret", strconv.Quote(secret)}
			if encoding != "" {
				edits = append(edits, "encoding", strconv.Quote(encoding))
			}
			d, err := Decode(built(random(t, 32), edits...))
			if !ok {
				checkMalformed(t, err, fmt.Sprintf("shared_secret has %d bytes, and a key has 16 to 128", size), secret)
				continue
			}
			if err != nil {
				t.Fatalf("%d bytes, encoding %q: %v", size, encoding, err)
			}
			if b, err := d.Bytes(); err != nil || string(b) != key {
				t.Errorf("%d bytes, encoding %q: Bytes differs (%v)", size, encoding, err)
			}
		}
	}
	refused(t, "bytes are counted, not characters", []string{"shared_secret", `"` + strings.Repeat("é", 65) + `"`},
		"shared_secret has 130 bytes, and a key has 16 to 128")
}

// The text of every encoding is strict: one text for one key, but for padding.
func TestKeyEncoding(t *testing.T) {
	// 17 bytes, whose base64 leaves bits over and takes one "=", and holds the
	// two characters in which the alphabets differ.
	key := append([]byte{0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff}, random(t, 9)[:11]...)
	std, url := base64.StdEncoding.EncodeToString(key), base64.URLEncoding.EncodeToString(key)
	raw, rawURL := strings.TrimSuffix(std, "="), strings.TrimSuffix(url, "=")
	lower := hex.EncodeToString(key)
	trailing := func(s string) string { // the same key to a decoder that is not strict
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		last := strings.Replace(strings.Replace(s[len(s)-1:], "-", "+", 1), "_", "/", 1)
		return s[:len(s)-1] + string(alphabet[strings.Index(alphabet, last)|1])
	}
	for _, tc := range []struct {
		name, encoding, secret string
		ok                     bool
	}{
		{"hex", "hex", lower, true},
		{"hex in upper case", "hex", strings.ToUpper(lower), false},
		{"hex in mixed case", "hex", "FB" + lower[2:], false},
		{"hex of odd length", "hex", lower + "0", false},
		{"hex with 0x", "hex", "0x" + lower, false},
		{"hex with a line feed", "hex", lower + "\n", false},
		{"no hex", "hex", "zz" + lower[2:], false},
		{"base64 padded", "base64", std, true},
		{"base64 without padding", "base64", raw, true},
		{"base64 padded twice", "base64", std + "=", false},
		{"base64 with trailing bits", "base64", trailing(raw), false},
		{"base64 padded with trailing bits", "base64", trailing(raw) + "=", false},
		{"base64 with a line feed", "base64", std[:8] + "\n" + std[8:], false},
		{"base64 with CR LF at the end", "base64", std + "\r\n", false},
		{"base64 without padding, CR", "base64", raw[:8] + "\r" + raw[8:], false},
		{"base64 with a space", "base64", " " + std, false},
		{"base64 in the URL alphabet", "base64", url, false},
		{"base64url padded", "base64url", url, true},
		{"base64url without padding", "base64url", rawURL, true},
		{"base64url with trailing bits", "base64url", trailing(rawURL), false},
		{"base64url with a line feed", "base64url", rawURL + "\n", false},
		{"base64url in the other alphabet", "base64url", std, false},
		{"whsec", "whsec", "whsec_" + std, true},
		{"whsec without padding", "whsec", "whsec_" + raw, true},
		{"whsec without prefix", "whsec", std, false},
		{"whsec with the prefix twice", "whsec", "whsec_whsec_" + std, false},
		{"whsec with another prefix", "whsec", "WHSEC_" + std, false},
		{"whsec with trailing bits", "whsec", "whsec_" + trailing(raw), false},
		{"whsec with a line feed", "whsec", "whsec_\n" + std, false},
		{"whsec in the URL alphabet", "whsec", "whsec_" + url, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Decode(built(random(t, 32),
				"encoding", strconv.Quote(tc.encoding), "shared_secret", strconv.Quote(tc.secret)))
			if !tc.ok {
				checkMalformed(t, err, "shared_secret is not in the encoding that it names", tc.secret)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, err := d.Bytes(); err != nil || !bytes.Equal(b, key) {
				t.Errorf("Bytes differs (%v)", err)
			}
		})
	}
	// A prefix means nothing where no encoding says so: the text is the key.
	d := decode(t, built(random(t, 32), "shared_secret", strconv.Quote("whsec_"+std)))
	if b, err := d.Bytes(); err != nil || string(b) != "whsec_"+std {
		t.Errorf("whsec_ without encoding: Bytes differs (%v)", err)
	}
}

func TestKeyRedaction(t *testing.T) {
	const want = "shared_secret is the text that is printed in place of a secret"
	refused(t, "as it stands", []string{"shared_secret", `"` + Redaction + `"`}, want)
	refused(t, "in previous", inPrevious("shared_secret", `"`+Redaction+`"`), "previous[0]."+want)
	refused(t, "encoded", []string{"encoding", `"hex"`, "shared_secret", `"` + hex.EncodeToString([]byte(Redaction)) + `"`}, want)
}

func TestBytesOfNoKey(t *testing.T) {
	for _, k := range []Key{{}, {Secret: "short"}, {Secret: random(t, 32), Encoding: "rot13"}} {
		if b, err := k.Bytes(); err == nil || b != nil {
			t.Errorf("encoding %q: Bytes gives %d bytes, error %v", k.Encoding, len(b), err)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := GenerateKey("v1", now)
	if k.KID != "v1" || k.CreatedAt != now || k.Encoding != "" || k.Window != (Window{}) {
		t.Error("kid, created_at, encoding or window is not as asked for")
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(k.Secret); err != nil || len(raw) != 32 {
		t.Errorf("the secret is not 32 bytes in base64url (%v)", err)
	}
	if b, err := k.Bytes(); err != nil || string(b) != k.Secret || len(b) != 43 {
		t.Errorf("the key is not the secret's 43 characters (%v)", err)
	}
	seen := map[string]bool{}
	for range 100 {
		seen[GenerateKey("v1", now).Secret] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different secrets of 100", len(seen))
	}
}

func TestWhsec(t *testing.T) {
	key := []byte(random(t, 32))
	if b, ok := decodeSecret(Whsec(key), "whsec"); !ok || !bytes.Equal(b, key) {
		t.Error("Whsec does not decode to its key")
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{ // "" is refused
		"2026-01-02T03:04:05Z":                 "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05.678901Z":          "2026-01-02T03:04:05.678901Z",
		"2026-01-02T03:04:05.100000000Z":       "2026-01-02T03:04:05.1Z",
		"2026-01-02T03:04:05.12345678999Z":     "2026-01-02T03:04:05.123456789Z",
		"2026-01-02T03:04:05+00:00":            "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05-00:00":            "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+05:30":            "2026-01-01T21:34:05Z",
		"2026-01-02T03:04:05.5-23:59":          "2026-01-03T03:03:05.5Z",
		"2026-01-02T03:04:05":                  "2026-01-02T03:04:05Z", // Python's utcnow().isoformat()
		"2026-01-02T03:04:05.678901":           "2026-01-02T03:04:05.678901Z",
		"9999-12-31T23:59:59.999999999Z":       "9999-12-31T23:59:59.999999999Z",
		"0001-01-01T00:00:00.000000001Z":       "0001-01-01T00:00:00.000000001Z",
		"2024-02-29T00:00:00Z":                 "2024-02-29T00:00:00Z",
		"":                                     "",
		"now":                                  "",
		"1767323045":                           "",
		"2026-01-02":                           "",
		"2026-01-02T03:04Z":                    "",
		"2026-01-02 03:04:05Z":                 "",
		"2026-01-02t03:04:05z":                 "",
		"2026-01-02T3:04:05Z":                  "",
		"2026-01-02T03:04:05,678Z":             "",
		"2026-01-02T03:04:05.Z":                "",
		"2026-01-02T03:04:05+0000":             "",
		"2026-01-02T03:04:05+24:00":            "",
		"2026-01-02T03:04:05+00:60":            "",
		"2026-01-02T03:04:05+00:00Z":           "", // isoformat() of an aware time, and "Z"
		"2026-01-02T03:04:05 UTC":              "",
		"2026-01-02T03:04:05Z\n":               "",
		" 2026-01-02T03:04:05Z":                "",
		"2026-01-02T24:00:00Z":                 "",
		"2026-01-02T03:04:60Z":                 "",
		"2026-02-29T00:00:00Z":                 "",
		"2026-13-01T00:00:00Z":                 "",
		"０026-01-02T03:04:05Z":                 "",
		"0001-01-01T00:00:00Z":                 "", // the zero time
		"0000-12-31T23:59:59Z":                 "",
		"0001-01-01T00:00:00+01:00":            "", // year 0 in UTC
		"9999-12-31T23:59:59-01:00":            "", // year 10000 in UTC
		"10000-01-01T00:00:00Z":                "",
		"Fri, 02 Jan 2026 03:04:05 GMT":        "",
		"2026-01-02T03:04:05.678901Z[Etc/GMT]": "",
	} {
		got, ok := parseTime(text)
		switch {
		case ok != (want != ""):
			t.Errorf("%q: ok = %v", text, ok)
		case ok && formatTime(got) != want:
			t.Errorf("%q is %s, want %s", text, formatTime(got), want)
		}
	}
}
