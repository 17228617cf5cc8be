package tenantsecrets_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// ofKind is one of the library's kinds, but for its type: where it is, the least that a
// document of it holds around a secret, and what to get.
type ofKind struct {
	name   string
	path   string
	global bool // the Global space has them too
	least  func(secret string) map[string]any
	get    func(t *testing.T, c *tenantsecrets.Client, tenant string) (secret tenantsecrets.Value, err error)
	value  func(secret string) any // one that holds it wherever it can
}

var kinds = []ofKind{
	{
		"APIKey", "destinations/webhook1/api_key", false,
		func(secret string) map[string]any { return map[string]any{"api_key": secret} },
		func(t *testing.T, c *tenantsecrets.Client, tenant string) (tenantsecrets.Value, error) {
			k, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			return k.Key, err
		},
		func(secret string) any {
			v := tenantsecrets.NewValue(secret)
			return tenantsecrets.APIKey{Key: v, Previous: []tenantsecrets.PreviousAPIKey{{Key: v}}}
		},
	},
	{
		"OAuth", "destinations/webhook1/oauth_token", false,
		func(secret string) map[string]any {
			return map[string]any{
				"grant_type": "client_credentials", "token_url": "https://login.example.com/token",
				"client_id": "c1", "client_secret": secret,
			}
		},
		func(t *testing.T, c *tenantsecrets.Client, tenant string) (tenantsecrets.Value, error) {
			a, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.OAuthToken("webhook1"))
			return a.ClientSecret, err
		},
		func(secret string) any {
			return tenantsecrets.OAuth{ClientSecret: tenantsecrets.NewValue(secret), RefreshToken: tenantsecrets.NewValue(secret)}
		},
	},
	{
		"DatabaseCredentials", "databases/main/credentials", true,
		func(secret string) map[string]any { return map[string]any{"username": "u1", "password": secret} },
		func(t *testing.T, c *tenantsecrets.Client, tenant string) (tenantsecrets.Value, error) {
			d, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.Database("main"))
			return d.Password, err
		},
		func(secret string) any {
			return tenantsecrets.DatabaseCredentials{Username: "u1", Password: tenantsecrets.NewValue(secret)}
		},
	},
	{
		"Keyset", "encryption_key", true,
		func(secret string) map[string]any {
			material := base64.StdEncoding.EncodeToString([]byte(secret))
			return map[string]any{"primary": "k1", "keys": []any{map[string]any{"kid": "k1", "status": "enabled", "material": material}}}
		},
		func(t *testing.T, c *tenantsecrets.Client, tenant string) (tenantsecrets.Value, error) {
			k, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.EncryptionKey())
			if err != nil {
				return tenantsecrets.Value{}, err
			}
			key, err := k.Key(k.Primary)
			return key.Material, err
		},
		func(secret string) any {
			return tenantsecrets.Keyset{Keys: []tenantsecrets.DataKey{{KID: "k1", Material: tenantsecrets.NewValue(secret)}}}
		},
	},
}

func eachKind(t *testing.T, f func(*testing.T, ofKind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

// stored is the name of a tenant's secret of the kind, and a document with these members
// on top of the least.
func (k ofKind) stored(t *testing.T, owner, secret string, members map[string]any) (name, text string) {
	t.Helper()
	all := map[string]any{"tenant_id": owner}
	maps.Copy(all, k.least(secret))
	maps.Copy(all, members)
	return "prod/formbridge/" + owner + "/" + k.path, object(t, all)
}

func (k ofKind) owners() []string {
	if k.global {
		return []string{tenant, tenantsecrets.Global}
	}
	return []string{tenant}
}

func TestGetEachKind(t *testing.T) {
	eachKind(t, func(t *testing.T, k ofKind) {
		for _, owner := range k.owners() {
			secret := rand.Text()
			b := secretstest.New()
			name, text := k.stored(t, owner, secret, map[string]any{"note": map[string]any{"a": 1}})
			store(t, b, name, text)
			b.ClearCalls()
			c := newClient(t, b)
			for range 3 {
				if got, err := k.get(t, c, owner); err != nil || got.Reveal() != secret {
					t.Errorf("of %s: error %v, or another secret", owner, err)
				}
			}
			checkOperations(t, b, "DescribeSecret", "GetSecretValue")
		}
	})
}

// The Global space is for what belongs to the service as a whole: no destination's.
func TestGetEachKindOfGlobal(t *testing.T) {
	eachKind(t, func(t *testing.T, k ofKind) {
		if k.global {
			return
		}
		b := secretstest.New()
		_, err := k.get(t, newClient(t, b), tenantsecrets.Global)
		checkGetFailed(t, err, "prod/formbridge/global/"+k.path, tenantsecrets.ErrInvalidTenant)
		checkOperations(t, b)
	})
}

// Where AWS's own rotation wrote the document it has no tenant_id, and the tag has to say
// whose it is. One of the two is not enough where the other says something else.
func TestOwnerOfEachKind(t *testing.T) {
	eachKind(t, func(t *testing.T, k ofKind) {
		for _, tt := range []struct {
			what  string
			owner any // nil: no tenant_id
			tag   string
			want  error
		}{
			{"the tag alone", nil, tenant, nil},
			{"both", tenant, tenant, nil},
			{"neither", nil, "", tenantsecrets.ErrMalformed},
			{"another's tag", nil, otherTenant, tenantsecrets.ErrWrongTenant},
			{"another's document", otherTenant, tenant, tenantsecrets.ErrWrongTenant},
			{"another's tag on the tenant's document", tenant, otherTenant, tenantsecrets.ErrWrongTenant},
			{"an empty tenant_id", "", tenant, tenantsecrets.ErrWrongTenant},
			{"a number for tenant_id", 7, tenant, tenantsecrets.ErrMalformed},
		} {
			b := secretstest.New()
			name, text := k.stored(t, tenant, rand.Text(), map[string]any{"tenant_id": tt.owner})
			if tt.tag == "" {
				store(t, b, name, text)
			} else {
				storeTagged(t, b, name, text, tt.tag)
			}
			_, err := k.get(t, quietClient(t, b), tenant)
			if tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: error %v, want %v", tt.what, err, tt.want)
			}
			if err != nil {
				checkNotQuoted(t, text, err.Error())
			}
		}
	})
}

// A document that cannot be used is told by its member, and neither the error nor the log
// holds a word of it.
func TestMalformedOfEachKind(t *testing.T) {
	says := map[string]map[string]string{ // a member that is wrong, in JSON, and what is said
		"APIKey":              {`"api_key":7`: "api_key is not a string", `"header":"a\nb"`: "control character"},
		"OAuth":               {`"token_url":"http://example.com"`: "token_url is not an https URL", `"grant_type":""`: "grant_type is empty"},
		"DatabaseCredentials": {`"port":"abc"`: "port is not a whole number from 1 to 65535", `"ssl":"yes"`: "ssl is neither true nor false"},
		"Keyset":              {`"primary":"k2"`: "primary is the kid of none of the keys", `"keys":[]`: "primary is the kid of none of the keys"},
	}
	eachKind(t, func(t *testing.T, k ofKind) {
		for member, want := range says[k.name] {
			name, value, _ := strings.Cut(member, ":")
			secret := rand.Text()
			b := secretstest.New()
			of, text := k.stored(t, tenant, secret, map[string]any{strings.Trim(name, `"`): rawJSON(value), "note": secret})
			store(t, b, of, text)
			var logged bytes.Buffer
			_, err := k.get(t, newClient(t, b, logInto(&logged)), tenant)
			checkGetFailed(t, err, of, tenantsecrets.ErrMalformed)
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
			newSearch(secret).finds(t, err.Error()+logged.String())
		}
	})
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// finds fails the test where the secret is in what was printed.
func (s *search) finds(t *testing.T, printed string) {
	t.Helper()
	if what := s.find(printed); what != "" {
		t.Errorf("%s is printed", what)
	}
}

// A value of any kind prints as [redacted] by every verb, and shows its secret to none of
// the encoders, wherever it sits.
func TestRedactionOfEachKind(t *testing.T) {
	eachKind(t, func(t *testing.T, k ofKind) {
		secret := newSecrets(1)[0]
		s := newSearch(secret)
		for _, shape := range shapesOf(k.value(secret)) {
			for name, sink := range sinks {
				if what := s.find(caught(sink, shape.value)); what != "" {
					t.Errorf("as %s through %s shows %s", shape.name, name, what)
				}
			}
		}
		if printed := sinks["slog text"](k.value(secret)); !strings.Contains(printed, "[redacted]") {
			t.Error("nothing stands in place of the secret")
		}
		if what := s.find(reachable(k.value(secret))); what != "" {
			t.Errorf("reflection reaches %s", what)
		}
	})
}

// A kind follows a new version, keeps what it has through an outage, and is gone with the
// secret.
func TestEachKindIsRefreshed(t *testing.T) {
	eachKind(t, func(t *testing.T, k ofKind) {
		synctest.Test(t, func(t *testing.T) {
			b := secretstest.New()
			first, second := rand.Text(), rand.Text()
			name, text := k.stored(t, tenant, first, nil)
			store(t, b, name, text)
			c := newClient(t, b)
			wants := func(want string) {
				t.Helper()
				if got, err := k.get(t, c, tenant); err != nil || got.Reveal() != want {
					t.Errorf("error %v, or another secret", err)
				}
			}
			wants(first)
			_, text = k.stored(t, tenant, second, nil)
			put(t, b, name, text)
			time.Sleep(defaultTTL)
			wants(second)
			b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
			time.Sleep(defaultTTL)
			wants(second)
		})
	})
}

// A name that is no part of one is told before any call, and shown so that it can forge
// nothing.
func TestNamesOfEachKind(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	for _, name := range []string{"", "a/b", "..", "-a", "a b", "a\nb", "ä", strings.Repeat("a", 64)} {
		for what, get := range map[string]func() error{
			"DestinationAPIKey":  func() error { return getOf(t, c, tenantsecrets.DestinationAPIKey(name)) },
			"DestinationHMACKey": func() error { return getOf(t, c, tenantsecrets.DestinationHMACKey(name)) },
			"OAuthToken":         func() error { return getOf(t, c, tenantsecrets.OAuthToken(name)) },
			"Database":           func() error { return getOf(t, c, tenantsecrets.Database(name)) },
		} {
			err := get()
			if !errors.Is(err, tenantsecrets.ErrInvalidName) || strings.ContainsAny(err.Error(), "\nä") {
				t.Errorf("%s(%q): %v", what, name, err)
			}
		}
	}
	checkOperations(t, b)
}

func getOf[T any](t *testing.T, c *tenantsecrets.Client, kind tenantsecrets.Kind[T]) error {
	_, err := tenantsecrets.Get(t.Context(), c, tenant, kind)
	return err
}
