package tenantsecrets_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Where the library's two kinds are for the destination webhook1.
const (
	apiKeyName  = "prod/formbridge/t_abc123/destinations/webhook1/api_key"
	destHMACKey = "prod/formbridge/t_abc123/destinations/webhook1/hmac_key"
)

// object is a JSON object of the tenant with these members on top; a nil one is
// left out.
func object(t *testing.T, members map[string]any) string {
	t.Helper()
	all := map[string]any{"tenant_id": tenant}
	for name, value := range members {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// storeTagged creates a secret with a TenantId tag.
func storeTagged(t *testing.T, b *secretstest.Backend, name, text, tenantID string) {
	t.Helper()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String(text),
		Tags: []types.Tag{{Key: aws.String("TenantId"), Value: aws.String(tenantID)}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// quietClient is a client whose log is not looked at.
func quietClient(t *testing.T, api tenantsecrets.API, optFns ...func(*tenantsecrets.Options)) *tenantsecrets.Client {
	t.Helper()
	return newClient(t, api, append(optFns, logInto(new(bytes.Buffer)))...)
}

func TestDestinationAPIKey(t *testing.T) {
	key := rand.Text()
	for _, tt := range []struct {
		what           string
		members        map[string]any
		header, scheme string
	}{
		{"the key alone", nil, "Authorization", ""},
		{"all", map[string]any{"header": "X-API-Key", "scheme": "Bearer"}, "X-API-Key", "Bearer"},
		{"empty ones", map[string]any{"header": "", "scheme": ""}, "Authorization", ""},
		{"members of others", map[string]any{"owner": map[string]any{"team": "ops"}}, "Authorization", ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			members := map[string]any{"api_key": key}
			for name, value := range tt.members {
				members[name] = value
			}
			b := secretstest.New()
			store(t, b, apiKeyName, object(t, members))
			got, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Key.Equal(tenantsecrets.NewValue(key)) || got.Header != tt.header || got.Scheme != tt.scheme {
				t.Errorf("got header %q and scheme %q, want %q and %q, with the stored key", got.Header, got.Scheme, tt.header, tt.scheme)
			}
		})
	}
}

func TestDestinationAPIKeyRefused(t *testing.T) {
	key := rand.Text()
	for _, tt := range []struct {
		what    string
		members map[string]any
		want    error
	}{
		{"no api_key", map[string]any{"note": key}, tenantsecrets.ErrMalformed},
		{"an empty api_key", map[string]any{"api_key": "", "note": key}, tenantsecrets.ErrMalformed},
		{"null for api_key", map[string]any{"api_key": json.RawMessage("null"), "note": key}, tenantsecrets.ErrMalformed},
		{"a number for api_key", map[string]any{"api_key": 1234567890123456}, tenantsecrets.ErrMalformed},
		{"an object for api_key", map[string]any{"api_key": map[string]any{"key": key}}, tenantsecrets.ErrMalformed},
		{"a redacted api_key", map[string]any{"api_key": "[redacted]", "note": key}, tenantsecrets.ErrMalformed},
		{"API_KEY", map[string]any{"API_KEY": key}, tenantsecrets.ErrMalformed},
		{"Header, which would be ignored", map[string]any{"api_key": key, "Header": "X-API-Key"}, tenantsecrets.ErrMalformed},
		{"a number for header", map[string]any{"api_key": key, "header": 1}, tenantsecrets.ErrMalformed},
		{"a number for scheme", map[string]any{"api_key": key, "scheme": 1}, tenantsecrets.ErrMalformed},
		{"a line break in api_key", map[string]any{"api_key": key + "\r\nX-Evil: 1"}, tenantsecrets.ErrMalformed},
		{"a NUL in api_key", map[string]any{"api_key": "\x00" + key}, tenantsecrets.ErrMalformed},
		{"a line break in header", map[string]any{"api_key": key, "header": "X-Key\n"}, tenantsecrets.ErrMalformed},
		{"a tabulator in scheme", map[string]any{"api_key": key, "scheme": "Bearer\t"}, tenantsecrets.ErrMalformed},
		{"DEL in scheme", map[string]any{"api_key": key, "scheme": "Bearer\x7f"}, tenantsecrets.ErrMalformed},
		{"another tenant", map[string]any{"api_key": key, "tenant_id": otherTenant}, tenantsecrets.ErrWrongTenant},
		{"a number for tenant_id", map[string]any{"api_key": key, "tenant_id": 1}, tenantsecrets.ErrMalformed},
		{"an empty tenant_id", map[string]any{"api_key": key, "tenant_id": ""}, tenantsecrets.ErrWrongTenant},
		{"neither tenant_id nor tag", map[string]any{"api_key": key, "tenant_id": nil}, tenantsecrets.ErrMalformed},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			text := object(t, tt.members)
			store(t, b, apiKeyName, text)
			_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			checkGetFailed(t, err, apiKeyName, tt.want)
			checkNotQuoted(t, text, err.Error())
		})
	}
}

// checkGetFailed wants an *Error of Get about a secret.
func checkGetFailed(t *testing.T, err error, name string, want error) {
	t.Helper()
	var e *tenantsecrets.Error
	if !errors.As(err, &e) || e.Op != "Get" || e.Name != name {
		t.Fatalf("%v is no *Error of Get about %s", err, name)
	}
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

// A document that AWS's own rotation wrote has no tenant_id: then the tag says
// whose it is.
func TestOwnerByTag(t *testing.T) {
	for _, tt := range []struct {
		what, tag string
		want      error
	}{
		{"the tenant's", tenant, nil},
		{"another's", otherTenant, tenantsecrets.ErrWrongTenant},
		{"empty", "", tenantsecrets.ErrWrongTenant},
		{"in another case", "T_ABC123", tenantsecrets.ErrWrongTenant},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			storeTagged(t, b, apiKeyName, object(t, map[string]any{"api_key": rand.Text(), "tenant_id": nil}), tt.tag)
			_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			if tt.want != nil {
				checkGetFailed(t, err, apiKeyName, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A tag that names the tenant does not make another tenant's document its own.
func TestOwnerByTagAndDocument(t *testing.T) {
	b := secretstest.New()
	storeTagged(t, b, apiKeyName, object(t, map[string]any{"api_key": rand.Text(), "tenant_id": otherTenant}), tenant)
	_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, tenantsecrets.DestinationAPIKey("webhook1"))
	checkGetFailed(t, err, apiKeyName, tenantsecrets.ErrWrongTenant)
}

// A destination's HMAC key is stored as a tenant's is, and has its rules: a ring,
// no key of another tenant, none while the tenant is suspended.
func TestDestinationHMACKey(t *testing.T) {
	message := []byte(`{"event":"paid"}`)
	b := secretstest.New()
	old, current := document(t, nil), document(t, nil)
	store(t, b, destHMACKey, old)
	put(t, b, destHMACKey, current)
	keys, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, message)
	if err != nil || signature != signedBy(t, current, message) {
		t.Errorf("what goes out is not signed with the current key (%v)", err)
	}
	if err := tenantsecrets.VerifyHMAC(keys, message, signedBy(t, old, message)); err != nil {
		t.Errorf("the key before does not verify: %v", err)
	}
	checkOperations(t, b, "CreateSecret", "PutSecretValue", "DescribeSecret", "GetSecretValue", "GetSecretValue")
}

func TestDestinationHMACKeyRefused(t *testing.T) {
	for _, tt := range []struct {
		what string
		text string
		want error
	}{
		{"another tenant's", document(t, map[string]any{"tenant_id": otherTenant}), tenantsecrets.ErrWrongTenant},
		{"a suspended tenant's", document(t, map[string]any{"state": "suspended"}), tenantsecrets.ErrSuspended},
		{"an API key", object(t, map[string]any{"api_key": rand.Text()}), tenantsecrets.ErrMalformed},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			store(t, b, destHMACKey, tt.text)
			_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, tenantsecrets.DestinationHMACKey("webhook1"))
			checkGetFailed(t, err, destHMACKey, tt.want)
			checkNotQuoted(t, tt.text, err.Error())
		})
	}
}

// login is a kind of somebody's own.
type login struct {
	User     string              `json:"user"`
	Password tenantsecrets.Value `json:"password"`
}

func loginKind(decoded *atomic.Int32) tenantsecrets.Kind[login] {
	return tenantsecrets.Kind[login]{
		Path: "database/login",
		Decode: func(stored []byte) (l login, err error) {
			decoded.Add(1)
			return l, json.Unmarshal(stored, &l)
		},
	}
}

const loginName = "prod/formbridge/t_abc123/database/login"

func TestUserKind(t *testing.T) {
	var decoded atomic.Int32
	password := rand.Text()
	b := secretstest.New()
	store(t, b, loginName, object(t, map[string]any{"user": "reports", "password": password}))
	got, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, loginKind(&decoded))
	if err != nil {
		t.Fatal(err)
	}
	if got.User != "reports" || got.Password.Reveal() != password {
		t.Errorf("got %v, want what is stored", got)
	}
	if printed := fmt.Sprintf("%v %+v %#v", got, got, got); bytes.Contains([]byte(printed), []byte(password)) {
		t.Error("the password is printed")
	}
}

// What is decoded is kept as long as the version is the same, also where its
// plaintext is read again.
func TestUserKindIsDecodedOncePerVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var decoded atomic.Int32
		kind := loginKind(&decoded)
		b := secretstest.New()
		store(t, b, loginName, object(t, map[string]any{"user": "reports", "password": rand.Text()}))
		c := newClient(t, b)
		get := func(want int32) {
			t.Helper()
			if _, err := tenantsecrets.Get(t.Context(), c, tenant, kind); err != nil {
				t.Fatal(err)
			}
			if n := decoded.Load(); n != want {
				t.Errorf("decoded %d times, want %d", n, want)
			}
		}
		for range 2 * int(defaultMaxStale/defaultTTL) {
			get(1)
			time.Sleep(defaultTTL)
		}
		put(t, b, loginName, object(t, map[string]any{"user": "reports", "password": rand.Text()}))
		get(2)
		get(2)
	})
}

func TestUserKindIsDecodedOnceForAll(t *testing.T) {
	var decoded atomic.Int32
	kind := loginKind(&decoded)
	b := secretstest.New()
	store(t, b, loginName, object(t, map[string]any{"user": "reports", "password": rand.Text()}))
	b.ClearCalls()
	c := newClient(t, b)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := tenantsecrets.Get(t.Context(), c, tenant, kind); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := decoded.Load(); n != 1 {
		t.Errorf("decoded %d times, want once", n)
	}
	checkOperations(t, b, "DescribeSecret", "GetSecretValue")
}

// A document of which nothing says whose it is says what to add, in every reader of it.
func TestOwnerUnknownSaysWhatToAdd(t *testing.T) {
	const (
		tagOrMember = "add the tag TenantId with the value t_abc123 to the secret, or tenant_id to its document"
		member      = "add tenant_id to the document"
	)
	for what, tt := range map[string]struct {
		tag        string
		valuesOnly bool
		says       string // "": it is read
	}{
		"neither":                      {says: tagOrMember},
		"by the tag":                   {tag: tenant},
		"neither, with ValuesOnly":     {valuesOnly: true, says: member},
		"by the tag, which is unknown": {tag: tenant, valuesOnly: true, says: member},
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			text := object(t, map[string]any{"api_key": rand.Text(), "tenant_id": nil})
			if tt.tag == "" {
				store(t, b, apiKeyName, text)
			} else {
				storeTagged(t, b, apiKeyName, text, tt.tag)
			}
			c := quietClient(t, b, func(o *tenantsecrets.Options) { o.ValuesOnly = tt.valuesOnly })
			_, err := tenantsecrets.Get(t.Context(), c, tenant, tenantsecrets.DestinationAPIKey("webhook1"))
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			checkGetFailed(t, err, apiKeyName, tenantsecrets.ErrMalformed)
			if !strings.Contains(err.Error(), tt.says) || errors.Is(err, tenantsecrets.ErrWrongTenant) {
				t.Errorf("%q does not say %q, or is ErrWrongTenant", err, tt.says)
			}
			checkNotQuoted(t, text, err.Error())
		})
	}
}
