package provision_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// What cannot be put is told before any call.
func TestPutRefusedBeforeACall(t *testing.T) {
	s := newService(t)
	base, good := s.created()
	redacted := tenantsecrets.APIKey{Key: tenantsecrets.NewValue("[redacted]")}
	for _, tt := range []struct {
		what, tenant string
		kind         tenantsecrets.Kind[tenantsecrets.APIKey]
		value        tenantsecrets.APIKey
		want         error
	}{
		{"no tenant", "", shop, good, tenantsecrets.ErrInvalidTenant},
		{"two parts for a tenant", "a/b", shop, good, tenantsecrets.ErrInvalidTenant},
		{"a destination of the Global space", tenantsecrets.Global, shop, good, tenantsecrets.ErrInvalidTenant},
		{"two parts for a destination", tenant, tenantsecrets.DestinationAPIKey("a/b"), good, tenantsecrets.ErrInvalidName},
		{"the zero value", tenant, shop, tenantsecrets.APIKey{}, tenantsecrets.ErrMalformed},
		{"a redacted key", tenant, shop, redacted, tenantsecrets.ErrMalformed},
		{"a redacted header", tenant, shop, tenantsecrets.APIKey{Key: good.Key, Header: "[redacted]"}, tenantsecrets.ErrMalformed},
		{"a line break", tenant, shop, tenantsecrets.APIKey{Key: good.Key, Header: "X\r\nY"}, tenantsecrets.ErrMalformed},
		{"no Encode", tenant, tenantsecrets.Kind[tenantsecrets.APIKey]{Path: shop.Path, Decode: shop.Decode}, good, tenantsecrets.ErrInvalidOption},
		{"no Decode", tenant, tenantsecrets.Kind[tenantsecrets.APIKey]{Path: shop.Path, Encode: shop.Encode}, good, tenantsecrets.ErrInvalidOption},
	} {
		t.Run(tt.what, func(t *testing.T) {
			_, err := provision.Put(t.Context(), s.provisioner, tt.tenant, tt.kind, base.id, tt.value)
			s.wantsError(err, "Put", tt.want, good.Key.Reveal())
			s.wantsCalls()
		})
	}
	for _, tt := range []struct {
		tenant string
		kind   tenantsecrets.Kind[tenantsecrets.APIKey]
		want   error
	}{
		{"", shop, tenantsecrets.ErrInvalidTenant},
		{tenantsecrets.Global, shop, tenantsecrets.ErrInvalidTenant},
		{tenant, tenantsecrets.DestinationAPIKey(""), tenantsecrets.ErrInvalidName},
		{tenant, tenantsecrets.Kind[tenantsecrets.APIKey]{Path: shop.Path}, tenantsecrets.ErrInvalidOption},
	} {
		_, err := provision.Read(t.Context(), s.provisioner, tt.tenant, tt.kind)
		s.wantsError(err, "Read", tt.want)
		s.wantsCalls()
	}
	if s.current(shopName) != base {
		t.Error("it was changed")
	}
}

// A value of each kind that its document cannot hold is refused, and nothing of it printed.
func TestPutRefusesEachKind(t *testing.T) {
	secret := newSecret()
	for _, tt := range []struct {
		what string
		put  func(*service) error
		says string
	}{
		{"an OAuth of http", putting(tenantsecrets.OAuthToken("crm"), tenantsecrets.OAuth{
			GrantType: "client_credentials", TokenURL: "http://example.com/" + secret, ClientID: "c", ClientSecret: tenantsecrets.NewValue(secret),
		}), "token_url is not an https URL"},
		{"an OAuth without its secret", putting(tenantsecrets.OAuthToken("crm"), tenantsecrets.OAuth{
			GrantType: "client_credentials", TokenURL: "https://example.com/", ClientID: secret,
		}), "client_secret is missing"},
		{"a port", putting(tenantsecrets.Database("main"), tenantsecrets.DatabaseCredentials{
			Username: "u", Password: tenantsecrets.NewValue(secret), Port: 70000,
		}), "port is not a whole number"},
		{"a keyset without primary", putting(tenantsecrets.EncryptionKey(), tenantsecrets.Keyset{
			Keys: []tenantsecrets.DataKey{{KID: "k1", Material: tenantsecrets.NewValue(secret), Status: tenantsecrets.KeyEnabled}},
		}), "primary is empty"},
		{"a destroyed primary", putting(tenantsecrets.EncryptionKey(), tenantsecrets.Keyset{
			Primary: "k1", Keys: []tenantsecrets.DataKey{{KID: "k1", Status: tenantsecrets.KeyDestroyed}},
		}), "not enabled"},
		{"a destroyed key that is still there", putting(tenantsecrets.EncryptionKey(), tenantsecrets.Keyset{
			Primary: "k1", Keys: []tenantsecrets.DataKey{provision.NewDataKey(), {KID: "k1", Material: tenantsecrets.NewValue(secret), Status: tenantsecrets.KeyDestroyed}},
		}), "its material is still there"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			err := tt.put(s)
			s.wantsError(err, "Put", tenantsecrets.ErrMalformed, secret)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			s.wantsCalls()
		})
	}
}

func putting[T any](kind tenantsecrets.Kind[T], value T) func(*service) error {
	return func(s *service) error {
		_, err := provision.Put(s.Context(), s.provisioner, tenant, kind, "775dff08-e11c-883e-bb8e-1e5540be8e90", value)
		return err
	}
}

// What is stored is not written over where it cannot be read, or is somebody else's.
func TestPutOnWhatIsStored(t *testing.T) {
	secret := newSecret()
	for _, tt := range []struct {
		what, text string
		tags       []string
		want       error
	}{
		{"no JSON", secret, nil, tenantsecrets.ErrMalformed},
		{"a text", `"` + secret + `"`, nil, tenantsecrets.ErrMalformed},
		{"no api_key", `{"tenant_id":"t_abc123","key":"` + secret + `"}`, nil, tenantsecrets.ErrMalformed},
		{"a redacted api_key", `{"tenant_id":"t_abc123","api_key":"[redacted]","note":"` + secret + `"}`, nil, tenantsecrets.ErrMalformed},
		{"a member twice", `{"tenant_id":"t_abc123","api_key":"` + secret + `","Api_Key":"` + secret + `"}`, nil, tenantsecrets.ErrMalformed},
		{"a number for base", `{"tenant_id":"t_abc123","api_key":"` + secret + `","base":7}`, nil, tenantsecrets.ErrMalformed},
		{"another tenant's", `{"tenant_id":"t_def456","api_key":"` + secret + `"}`, nil, tenantsecrets.ErrWrongTenant},
		{"another tenant's under the tenant's tag", `{"tenant_id":"t_def456","api_key":"` + secret + `"}`, []string{"TenantId", tenant}, tenantsecrets.ErrWrongTenant},
		{"the tenant's under another's tag", `{"tenant_id":"t_abc123","api_key":"` + secret + `"}`, []string{"TenantId", otherTenant}, tenantsecrets.ErrWrongTenant},
		{"nobody's", `{"api_key":"` + secret + `"}`, nil, tenantsecrets.ErrMalformed},
		{"of another type", `{"tenant_id":"t_abc123","api_key":"` + secret + `"}`, []string{"SecretType", "oauth_token"}, tenantsecrets.ErrWrongTenant},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			base := s.store(shopName, tt.text, tt.tags...)
			key := newAPIKey()
			_, err := s.putShop(base, key)
			s.wantsError(err, "Put", tt.want, secret, key.Key.Reveal())
			_, err = provision.Read(t.Context(), s.provisioner, tenant, shop)
			s.wantsError(err, "Read", tt.want, secret)
			if s.current(shopName) != base || s.versions(shopName) != 1 {
				t.Error("it was written over")
			}
		})
	}
}

// Where AWS's rotation wrote, the tag is enough, and tenant_id comes with the first Put.
func TestPutWhereAWSWrote(t *testing.T) {
	s := newService(t)
	kind, name := tenantsecrets.Database("main"), "prod/formbridge/t_abc123/databases/main/credentials"
	base := s.store(name, `{"username":"admin","password":"p1"}`, "TenantId", tenant)
	entry, err := provision.Read(t.Context(), s.provisioner, tenant, kind)
	if err != nil {
		t.Fatal(err)
	}
	entry.Value.Password = tenantsecrets.NewValue("p2")
	if _, err := provision.Put(t.Context(), s.provisioner, tenant, kind, base.id, entry.Value); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"username":"admin","password":"p2","tenant_id":"t_abc123","base":"%s","nonce":`, base.id)
	if got := s.current(name).text; !strings.HasPrefix(got, want) {
		t.Errorf("stored %s, want %s", got, want)
	}
}

// There must be something to put on.
func TestPutOnNothing(t *testing.T) {
	s := newService(t)
	key := newAPIKey()
	_, err := s.putShop(version{}, key)
	s.wantsError(err, "Put", tenantsecrets.ErrNotFound, key.Key.Reveal())
	base, _ := s.created()
	_, err = s.backend.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(shopName)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.putShop(base, key)
	s.wantsError(err, "Put", tenantsecrets.ErrPendingDeletion, key.Key.Reveal())
	_, err = provision.Read(t.Context(), s.provisioner, tenant, shop)
	s.wantsError(err, "Read", tenantsecrets.ErrPendingDeletion)
}

// With the members of others a value may be too much, which is told and changes nothing.
func TestPutTooMuch(t *testing.T) {
	s := newService(t)
	base := s.store(shopName, `{"api_key":"k","note":"`+strings.Repeat("n", 40000)+`","tenant_id":"t_abc123"}`)
	key := tenantsecrets.APIKey{Key: tenantsecrets.NewValue(strings.Repeat("0123456789", 3000))}
	_, err := s.putShop(base, key)
	s.wantsError(err, "Put", tenantsecrets.ErrMalformed, "0123456789")
	if !strings.Contains(err.Error(), "at most 65536 can be stored") || s.current(shopName) != base {
		t.Errorf("%v, or it was changed", err)
	}
	s.backend.ClearCalls()
	key.Key = tenantsecrets.NewValue(strings.Repeat("0123456789", 7000))
	_, err = s.putShop(base, key)
	s.wantsError(err, "Put", tenantsecrets.ErrMalformed, "0123456789")
	s.wantsCalls()
}

// Answers about another secret are none.
func TestPutTampered(t *testing.T) {
	for what, alter := range map[string]func(*tampering){
		"another name": func(a *tampering) {
			a.describe = func(out *secretsmanager.DescribeSecretOutput) { out.Name = aws.String("prod/formbridge/t_def456/x") }
		},
		"another tenant's ARN": func(a *tampering) {
			a.describe = func(out *secretsmanager.DescribeSecretOutput) {
				out.ARN = aws.String(strings.Replace(*out.ARN, tenant, otherTenant, 1))
			}
		},
		"no ARN": func(a *tampering) {
			a.describe = func(out *secretsmanager.DescribeSecretOutput) { out.ARN = nil }
		},
		"another's value": func(a *tampering) {
			a.get = func(out *secretsmanager.GetSecretValueOutput) { out.Name = aws.String("prod/formbridge/t_def456/x") }
		},
		"another version's value": func(a *tampering) {
			a.get = func(out *secretsmanager.GetSecretValueOutput) {
				out.VersionId = aws.String("775dff08-e11c-883e-bb8e-1e5540be8e90")
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newService(t)
			base, _ := s.created()
			api := &tampering{Backend: s.backend}
			alter(api)
			other, key := s.over(api), newAPIKey()
			_, err := other.putShop(base, key)
			s.wantsError(err, "Put", tenantsecrets.ErrWrongTenant, key.Key.Reveal())
			_, err = provision.Read(t.Context(), other.provisioner, tenant, shop)
			s.wantsError(err, "Read", tenantsecrets.ErrWrongTenant)
			if s.current(shopName) != base {
				t.Error("it was changed")
			}
		})
	}
}

// tampering alters what is read.
type tampering struct {
	*secretstest.Backend
	describe func(*secretsmanager.DescribeSecretOutput)
	get      func(*secretsmanager.GetSecretValueOutput)
}

func (a *tampering) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := a.Backend.DescribeSecret(ctx, in, optFns...)
	if err == nil && a.describe != nil {
		a.describe(out)
	}
	return out, err
}

func (a *tampering) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := a.Backend.GetSecretValue(ctx, in, optFns...)
	if err == nil && a.get != nil {
		a.get(out)
	}
	return out, err
}

// A server, or something between, that repeats what it was sent repeats the secret: none
// of its words are kept but its code.
func TestNothingSentIsQuoted(t *testing.T) {
	for _, code := range []string{
		"ValidationException", "InvalidParameterException", "InvalidRequestException", "ResourceExistsException",
		"EncryptionFailure", "AccessDeniedException", "InternalServiceError", "NeverHeardOfException",
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				base, _ := s.created()
				key := newAPIKey()
				other := s.over(&quoting{s.backend, code})
				_, putErr := other.putShop(base, key)
				_, createErr := provision.Create(t.Context(), other.provisioner, otherTenant, shop, key)
				for _, err := range []error{putErr, createErr} {
					if err == nil {
						t.Fatal("no error")
					}
					wantsSilence(t, err, key.Key.Reveal())
					var api smithy.APIError
					if errors.As(err, &api) && partIn(api.ErrorMessage(), key.Key.Reveal()) {
						t.Error("the message holds it")
					}
				}
			})
		})
	}
}

// quoting answers writes with an error that holds what was sent.
type quoting struct {
	*secretstest.Backend
	code string
}

func (q *quoting) PutSecretValue(_ context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return nil, &smithy.GenericAPIError{Code: q.code, Message: echoed(in.SecretString)}
}

func (q *quoting) CreateSecret(_ context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return nil, &smithy.GenericAPIError{Code: q.code, Message: echoed(in.SecretString)}
}

// echoed is what a server may make of a document that it repeats.
func echoed(document *string) string {
	text := aws.ToString(document)
	return "cannot take " + text + " or " + text[len(text)/2:] + " or " + strings.ToLower(text) + " or " + hex.EncodeToString([]byte(text))
}

// A name that Secrets Manager may take for an ARN is refused before any call, with the
// reason.
func TestNameThatEndsLikeAnARN(t *testing.T) {
	s := newService(t)
	kind := shop
	kind.Path = "app-secret"
	value := tenantsecrets.APIKey{Key: tenantsecrets.NewValue(rand.Text())}
	_, created := provision.Create(t.Context(), s.provisioner, tenant, kind, value)
	_, put := provision.Put(t.Context(), s.provisioner, tenant, kind, "", value)
	_, read := provision.Read(t.Context(), s.provisioner, tenant, kind)
	for op, err := range map[string]error{"Create": created, "Put": put, "Read": read} {
		s.wantsError(err, op, tenantsecrets.ErrInvalidName, value.Key.Reveal())
		if err != nil && !strings.Contains(err.Error(), "a hyphen and six characters") {
			t.Errorf("%s: %q does not say why", op, err)
		}
	}
	s.wantsCalls()
}

// A raw secret has no place for what a write is told by: it is refused before any call.
func TestRawKindIsNotProvisioned(t *testing.T) {
	s := newService(t)
	kind := shop
	kind.Raw = true
	value := tenantsecrets.APIKey{Key: tenantsecrets.NewValue(rand.Text())}
	_, created := provision.Create(t.Context(), s.provisioner, tenant, kind, value)
	_, put := provision.Put(t.Context(), s.provisioner, tenant, kind, "", value)
	_, read := provision.Read(t.Context(), s.provisioner, tenant, kind)
	for op, err := range map[string]error{"Create": created, "Put": put, "Read": read} {
		s.wantsError(err, op, tenantsecrets.ErrInvalidOption, value.Key.Reveal())
		if err != nil && !strings.Contains(err.Error(), "store it with CreateSecret or PutSecretValue and the tag TenantId") {
			t.Errorf("%s: %q does not say what to do", op, err)
		}
	}
	s.wantsCalls()
}
