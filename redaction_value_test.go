package tenantsecrets_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const redaction = "[redacted]"

func TestRedactionText(t *testing.T) {
	v, k := tenantsecrets.NewValue(newSecrets(1)[0]), keyringOf(t, newSecrets(1)[0])
	for what, text := range map[string]string{
		"Value %v":           fmt.Sprintf("%v", v),
		"Value %+v":          fmt.Sprintf("%+v", v),
		"Value %#v":          fmt.Sprintf("%#v", v),
		"Value %s":           fmt.Sprintf("%s", v), //nolint:gosimple // the verb is what is tested
		"Value %q":           fmt.Sprintf("%q", v),
		"Value %x":           fmt.Sprintf("%x", v),
		"Value %d":           fmt.Sprintf("%d", v),
		"*Value":             fmt.Sprintf("%v", &v),
		"String":             v.String(),
		"LogValue":           v.LogValue().String(),
		"the zero Value":     fmt.Sprintf("%v", tenantsecrets.Value{}),
		"Keyring %v":         fmt.Sprintf("%v", k),
		"Keyring %#v":        fmt.Sprintf("%#v", k),
		"Keyring %x":         fmt.Sprintf("%x", k),
		"Keyring.String":     k.String(),
		"Keyring.LogValue":   k.LogValue().String(),
		"the zero Keyring":   fmt.Sprintf("%v", tenantsecrets.Keyring{}),
		"a Value as text":    encodedValue(t, func() ([]byte, error) { return v.MarshalText() }),
		"a Value for gob":    encodedValue(t, func() ([]byte, error) { return v.GobEncode() }),
		"a Value in JSON":    strings.Trim(encodedValue(t, func() ([]byte, error) { return json.Marshal(v) }), `"`),
		"a zero Value there": strings.Trim(encodedValue(t, func() ([]byte, error) { return json.Marshal(tenantsecrets.Value{}) }), `"`),
	} {
		if text != redaction {
			t.Errorf("%s is not %s", what, redaction)
		}
	}
}

func encodedValue(t *testing.T, encode func() ([]byte, error)) string {
	t.Helper()
	b, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Where it may be shown, it is shown what something is.
func TestPrintedNames(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	s, err := c.CreateTenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	want := "TenantSecret(" + hmacName + ", version " + s.VersionID() + ", " + redaction + ")"
	for _, text := range []string{fmt.Sprintf("%v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%x", s), s.String(), s.LogValue().String()} {
		if text != want {
			t.Errorf("a TenantSecret is %s", text)
		}
	}
	for _, text := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%d", c), c.String(), c.LogValue().String()} {
		if text != "Client(prod/formbridge)" {
			t.Errorf("a Client is %s", text)
		}
	}
}

func TestValueReveals(t *testing.T) {
	for _, secret := range []string{"", " ", newSecrets(1)[0], "\x00\xff", strings.Repeat("a", 1<<16), redaction} {
		if tenantsecrets.NewValue(secret).Reveal() != secret {
			t.Errorf("a text of %d bytes comes out changed", len(secret))
		}
	}
	if (tenantsecrets.Value{}).Reveal() != "" {
		t.Error("the zero Value is not the empty text")
	}
}

func TestValueEqual(t *testing.T) {
	secret := newSecrets(1)[0]
	v, zero := tenantsecrets.NewValue(secret), tenantsecrets.Value{}
	for _, tt := range []struct {
		what  string
		w     tenantsecrets.Value
		equal bool
	}{
		{"itself", v, true},
		{"another one of the same text", tenantsecrets.NewValue(strings.Clone(secret)), true},
		{"another text", tenantsecrets.NewValue(newSecrets(1)[0]), false},
		{"a longer text", tenantsecrets.NewValue(secret + "\x00"), false},
		{"a shorter text", tenantsecrets.NewValue(secret[1:]), false},
		{"another case", tenantsecrets.NewValue(strings.ToLower(secret)), false},
		{"the zero Value", zero, false},
	} {
		if v.Equal(tt.w) != tt.equal || tt.w.Equal(v) != tt.equal {
			t.Errorf("%s: Equal is not %v", tt.what, tt.equal)
		}
	}
	if !zero.Equal(zero) || !zero.Equal(tenantsecrets.NewValue("")) {
		t.Error("the zero Value is not equal to the empty one")
	}
}

type withTexts struct {
	Text  tenantsecrets.Value            `json:"text"`
	Texts map[string]tenantsecrets.Value `json:"texts"`
}

// A document is decoded into Values; what a printed Value left behind is not.
func TestValueDecodes(t *testing.T) {
	secret := newSecrets(1)[0]
	for what, decode := range map[string]func(text string) (tenantsecrets.Value, error){
		"UnmarshalText": func(text string) (v tenantsecrets.Value, err error) {
			err = v.UnmarshalText([]byte(text))
			return v, err
		},
		"GobDecode": func(text string) (v tenantsecrets.Value, err error) {
			err = v.GobDecode([]byte(text))
			return v, err
		},
		"encoding/json": func(text string) (tenantsecrets.Value, error) {
			var d withTexts
			err := json.Unmarshal(fmt.Appendf(nil, `{"text":%q}`, text), &d)
			return d.Text, err
		},
		"encoding/json in a map": func(text string) (tenantsecrets.Value, error) {
			var d withTexts
			err := json.Unmarshal(fmt.Appendf(nil, `{"texts":{"k":%q}}`, text), &d)
			return d.Texts["k"], err
		},
		"go-json-experiment": func(text string) (tenantsecrets.Value, error) {
			var d withTexts
			err := jsonv2.Unmarshal(fmt.Appendf(nil, `{"text":%q}`, text), &d)
			return d.Text, err
		},
		"encoding/xml": func(text string) (tenantsecrets.Value, error) {
			var d withTexts
			err := xml.Unmarshal([]byte("<d><Text>"+text+"</Text></d>"), &d)
			return d.Text, err
		},
	} {
		if v, err := decode(secret); err != nil || v.Reveal() != secret {
			t.Errorf("%s changes a text, %v", what, err)
		}
		if v, err := decode(redaction); !errors.Is(err, tenantsecrets.ErrMalformed) || v.Reveal() != "" {
			t.Errorf("%s takes the redaction, %v", what, err)
		}
	}
}

func TestValueKeepsItsText(t *testing.T) {
	secret := newSecrets(1)[0]
	text, v := []byte(secret), tenantsecrets.NewValue("before")
	if err := v.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	clear(text)
	if v.Reveal() != secret {
		t.Error("a Value shares its text with the caller")
	}
	if err := v.UnmarshalText([]byte(redaction)); err == nil || v.Reveal() != secret {
		t.Errorf("a refused text changes a Value, %v", err)
	}
}

// What is marshaled cannot be read back: no round trip stores a redaction.
func TestMarshaledValuesAreRefused(t *testing.T) {
	v := withTexts{Text: tenantsecrets.NewValue(newSecrets(1)[0])}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, new(withTexts)); !errors.Is(err, tenantsecrets.ErrMalformed) {
		t.Errorf("JSON of a Value is read back, %v", err)
	}
	var stream bytes.Buffer
	if err := gob.NewEncoder(&stream).Encode(exported[tenantsecrets.Value]{v.Text}); err != nil {
		t.Fatal(err)
	}
	var back exported[tenantsecrets.Value]
	if err := gob.NewDecoder(&stream).Decode(&back); err == nil || back.V.Reveal() != "" {
		t.Errorf("gob of a Value is read back, %v", err)
	}
}

// The redaction is refused where it is stored in the place of a secret.
func TestStoredRedactionIsRefused(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	store(t, b, hmacName, document(t, map[string]any{"shared_secret": redaction}))
	store(t, b, "prod/formbridge/t_abc123/destinations/w1/api_key", `{"tenant_id":"t_abc123","api_key":"[redacted]"}`)
	if _, err := c.TenantSecret(t.Context(), tenant); !errors.Is(err, tenantsecrets.ErrMalformed) {
		t.Errorf("TenantSecret returns %v", err)
	}
	if _, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("w1")); !errors.Is(err, tenantsecrets.ErrMalformed) {
		t.Errorf("Get returns %v", err)
	}
}
