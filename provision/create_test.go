package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// What is created is one CreateSecret, and is then read: by the provisioner, and by a
// client that was told before that there is none.
func TestCreateEachKind(t *testing.T) {
	eachKind(t, func(s *service, k anyKind) {
		for _, owner := range k.owners() {
			secret := newSecret()
			if err := k.get(s, owner, secret); !errors.Is(err, tenantsecrets.ErrNotFound) {
				s.Fatalf("before: %v", err)
			}
			s.backend.ClearCalls()
			id, err := k.create(s, owner, secret)
			if err != nil {
				s.Fatal(err)
			}
			s.wantsCalls("CreateSecret")
			if got, err := k.read(s, owner, secret); err != nil || got != id {
				s.Errorf("read %s, error %v, want %s", got, err, id)
			}
			if err := k.get(s, owner, secret); err != nil {
				s.Errorf("the client: %v", err)
			}
			var document struct {
				TenantID string `json:"tenant_id"`
			}
			if err := json.Unmarshal([]byte(s.current(k.name(owner)).text), &document); err != nil || document.TenantID != owner {
				s.Errorf("tenant_id %q, error %v", document.TenantID, err)
			}
		}
	})
}

func TestCreateOptions(t *testing.T) {
	eachKind(t, func(s *service, k anyKind) {
		s.backend.SetKMSKey("alias/tenants", secretstest.KeyEnabled)
		_, err := k.create(s, tenant, newSecret(), func(o *tenantsecrets.CreateOptions) {
			o.KMSKeyID, o.Description, o.Tags = "alias/tenants", "of the shop", map[string]string{"Team": "ops"}
		})
		if err != nil {
			s.Fatal(err)
		}
		out, err := s.backend.DescribeSecret(s.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(k.name(tenant))})
		if err != nil {
			s.Fatal(err)
		}
		if aws.ToString(out.KmsKeyId) != "alias/tenants" || aws.ToString(out.Description) != "of the shop" {
			s.Errorf("key %q, description %q", aws.ToString(out.KmsKeyId), aws.ToString(out.Description))
		}
		got := map[string]string{}
		for _, tag := range out.Tags {
			got[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		name := k.name(tenant)
		want := map[string]string{
			"TenantId": tenant, "SecretType": name[strings.LastIndexByte(name, '/')+1:],
			"Environment": "prod", "Service": "formbridge", "Team": "ops",
		}
		if !maps.Equal(got, want) {
			s.Errorf("tags %v, want %v", got, want)
		}
	})
}

// The same call under the same idempotency key is the same secret; another value is not.
func TestCreateAgain(t *testing.T) {
	once := func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = "signup 42" }
	eachKind(t, func(s *service, k anyKind) {
		secret, other := newSecret(), newSecret()
		first, err := k.create(s, tenant, secret, once)
		if err != nil {
			s.Fatal(err)
		}
		if again, err := k.create(s, tenant, secret, once); err != nil || again != first {
			s.Errorf("again: %s, error %v, want %s", again, err, first)
		}
		_, err = k.create(s, tenant, other, once)
		s.wantsError(err, "Create", tenantsecrets.ErrExists, secret, other)
		_, err = k.create(s, tenant, secret)
		s.wantsError(err, "Create", tenantsecrets.ErrExists, secret, other)
		if n := s.versions(k.name(tenant)); n != 1 {
			s.Errorf("%d versions, want 1", n)
		}
	})
}

func TestCreateWhatIsDeleted(t *testing.T) {
	s := newService(t)
	s.created()
	_, err := s.backend.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(shopName)})
	if err != nil {
		t.Fatal(err)
	}
	key := newAPIKey()
	_, err = provision.Create(t.Context(), s.provisioner, tenant, shop, key)
	s.wantsError(err, "Create", tenantsecrets.ErrPendingDeletion, key.Key.Reveal())
}

// A creation that fails leaves nothing behind, and what was lost on the way is made good.
func TestCreateInTrouble(t *testing.T) {
	for _, tt := range []struct {
		what   string
		fault  secretstest.Fault
		want   error // nil: it succeeds
		calls  int
		effect bool
	}{
		{"an answer lost", secretstest.Fault{LostAnswer: true, Times: 1}, nil, 2, true},
		{"two answers lost", secretstest.Fault{LostAnswer: true, Times: 2}, tenantsecrets.ErrUnavailable, 2, true},
		{"a connection reset", secretstest.Fault{Err: secretstest.ConnectionReset(), Times: 1}, nil, 2, true},
		{"a server error twice", secretstest.Fault{Err: secretstest.InternalError(), Times: 2}, tenantsecrets.ErrUnavailable, 2, false},
		{"throttled", secretstest.Fault{Err: secretstest.Throttling()}, tenantsecrets.ErrUnavailable, 1, false},
		{"credentials expired", secretstest.Fault{Err: secretstest.ExpiredToken()}, tenantsecrets.ErrUnavailable, 1, false},
		{"access denied", secretstest.Fault{Err: secretstest.AccessDenied()}, tenantsecrets.ErrAccessDenied, 1, false},
		{"not encrypted", secretstest.Fault{Err: coded("EncryptionFailure")}, tenantsecrets.ErrAccessDenied, 1, false},
		{"an invalid parameter", secretstest.Fault{Err: coded("InvalidParameterException")}, tenantsecrets.ErrInvalidOption, 1, false},
		{"invalid by shape", secretstest.Fault{Err: coded("ValidationException")}, tenantsecrets.ErrInvalidOption, 1, false},
		{"an invalid request about a name that is not there", secretstest.Fault{Err: coded("InvalidRequestException")}, tenantsecrets.ErrPendingDeletion, 1, false},
		{"an unknown code", secretstest.Fault{Err: coded("NeverHeardOfException")}, tenantsecrets.ErrUnavailable, 1, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			once := func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = "signup 42" }
			tt.fault.Operation = "CreateSecret"
			remove := s.backend.Inject(tt.fault)
			key := newAPIKey()
			id, err := provision.Create(t.Context(), s.provisioner, tenant, shop, key, once)
			if tt.want != nil {
				s.wantsError(err, "Create", tt.want, key.Key.Reveal())
			} else if err != nil {
				t.Fatal(err)
			}
			creations := 0
			for _, call := range s.backend.Calls() {
				if call.Operation == "CreateSecret" {
					creations++
				}
			}
			if creations != tt.calls {
				t.Errorf("%d creations were sent, want %d", creations, tt.calls)
			}
			_, err = s.backend.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(shopName)})
			if exists := err == nil; exists != tt.effect {
				t.Errorf("the secret exists: %v, want %v", exists, tt.effect)
			}
			remove()
			again, err := provision.Create(t.Context(), s.provisioner, tenant, shop, key, once)
			if err != nil || id != "" && again != id || s.versions(shopName) != 1 {
				t.Errorf("again: %s after %s, error %v, %d versions", again, id, err, s.versions(shopName))
			}
		})
	}
}

// coded is an answer with a code of the service or its front end.
func coded(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "Said by the service."}
}

// An answer about another secret is none.
func TestCreateTampered(t *testing.T) {
	for what, alter := range map[string]func(*secretsmanager.CreateSecretOutput){
		"another name": func(out *secretsmanager.CreateSecretOutput) {
			out.Name = aws.String("prod/formbridge/t_def456/destinations/webhook1/api_key")
		},
		"no name": func(out *secretsmanager.CreateSecretOutput) { out.Name = nil },
		"another version": func(out *secretsmanager.CreateSecretOutput) {
			out.VersionId = aws.String("775dff08-e11c-883e-bb8e-1e5540be8e90")
		},
		"no version": func(out *secretsmanager.CreateSecretOutput) { out.VersionId = nil },
		"no ARN":     func(out *secretsmanager.CreateSecretOutput) { out.ARN = nil },
		"another tenant's ARN": func(out *secretsmanager.CreateSecretOutput) {
			out.ARN = aws.String(strings.Replace(*out.ARN, tenant, otherTenant, 1))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newService(t)
			key := newAPIKey()
			_, err := provision.Create(t.Context(), s.over(&echoing{Backend: s.backend, alter: alter}).provisioner, tenant, shop, key)
			s.wantsError(err, "Create", tenantsecrets.ErrWrongTenant, key.Key.Reveal())
		})
	}
}

// echoing alters the answers to creations.
type echoing struct {
	*secretstest.Backend
	alter func(*secretsmanager.CreateSecretOutput)
}

func (e *echoing) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	out, err := e.Backend.CreateSecret(ctx, in, optFns...)
	if err == nil {
		e.alter(out)
	}
	return out, err
}

// What cannot be created is told before any call.
func TestCreateRefused(t *testing.T) {
	good := newAPIKey()
	raw := tenantsecrets.Kind[string]{
		Path:   "raw",
		Decode: func(stored []byte) (string, error) { return string(stored), nil },
		Encode: func(value string) ([]byte, error) { return []byte(value), nil },
	}
	secret := newSecret()
	type options = func(*tenantsecrets.CreateOptions)
	create := func(tenant string, kind tenantsecrets.Kind[tenantsecrets.APIKey], value tenantsecrets.APIKey, optFns ...options) func(*service) error {
		return func(s *service) error {
			_, err := provision.Create(s.Context(), s.provisioner, tenant, kind, value, optFns...)
			return err
		}
	}
	createRaw := func(kind tenantsecrets.Kind[string], value string) func(*service) error {
		return func(s *service) error {
			_, err := provision.Create(s.Context(), s.provisioner, tenant, kind, value)
			return err
		}
	}
	at := func(path string) tenantsecrets.Kind[string] {
		k := raw
		k.Path = path
		return k
	}
	tagged := func(tags map[string]string) options {
		return func(o *tenantsecrets.CreateOptions) { o.Tags = tags }
	}
	for _, tt := range []struct {
		what   string
		create func(*service) error
		want   error
		says   string
	}{
		{"no tenant", create("", shop, good), tenantsecrets.ErrInvalidTenant, ""},
		{"a tenant that reaches into another", create("t_abc123/destinations", shop, good), tenantsecrets.ErrInvalidTenant, ""},
		{"a tenant of two lines", create("t_abc\n123", shop, good), tenantsecrets.ErrInvalidTenant, `"t_abc\n123"`},
		{"a destination of the Global space", create(tenantsecrets.Global, shop, good), tenantsecrets.ErrInvalidTenant, "a destination is a tenant's"},
		{"a destination of two parts", create(tenant, tenantsecrets.DestinationAPIKey("a/b"), good), tenantsecrets.ErrInvalidName, ""},
		{"no destination", create(tenant, tenantsecrets.DestinationAPIKey(""), good), tenantsecrets.ErrInvalidName, ""},
		{"no path", createRaw(at(""), `{}`), tenantsecrets.ErrInvalidName, ""},
		{"a path that ends as an ARN does", createRaw(at("raw-abcdef"), `{}`), tenantsecrets.ErrInvalidName, ""},
		{"the tenant's own secret", createRaw(at("hmac_key"), `{"shared_secret":"`+secret+`"}`), tenantsecrets.ErrInvalidOption, "CreateHMACKey and CreateTenant"},
		{"a destination's HMAC key", createRaw(at("destinations/webhook1/hmac_key"), `{}`), tenantsecrets.ErrInvalidOption, "CreateHMACKey"},
		{"a kind without Encode", createRaw(tenantsecrets.Kind[string]{Path: "raw", Decode: raw.Decode}, `{}`), tenantsecrets.ErrInvalidOption, `"raw" has no Encode`},
		{"an empty value", create(tenant, shop, tenantsecrets.APIKey{}), tenantsecrets.ErrMalformed, "api_key is empty"},
		{"a redacted key", create(tenant, shop, tenantsecrets.APIKey{Key: tenantsecrets.NewValue("[redacted]")}), tenantsecrets.ErrMalformed, "printed in place of a secret"},
		{"a redacted scheme", create(tenant, shop, tenantsecrets.APIKey{Key: good.Key, Scheme: good.Key.String()}), tenantsecrets.ErrMalformed, "reveal the Values"},
		{"a redacted text inside", createRaw(raw, `{"a":[{"b":"[redacted]"}],"c":"`+secret+`"}`), tenantsecrets.ErrMalformed, "reveal the Values"},
		{"a marshaled Value", createRaw(raw, marshaled(t, good)), tenantsecrets.ErrMalformed, "reveal the Values"},
		{"no JSON", createRaw(raw, secret), tenantsecrets.ErrMalformed, "it is not a JSON object"},
		{"a list", createRaw(raw, `["`+secret+`"]`), tenantsecrets.ErrMalformed, "it is not a JSON object"},
		{"a member twice", createRaw(raw, `{"a":"`+secret+`","a":1}`), tenantsecrets.ErrMalformed, "a member stands twice"},
		{"tenant_id in another case", createRaw(raw, `{"Tenant_ID":"`+secret+`"}`), tenantsecrets.ErrMalformed, "a member stands twice, in different case"},
		{"too long", createRaw(raw, `{"a":"`+strings.Repeat("a", 65536-8-len(`,"tenant_id":"t_abc123"`)+1)+`"}`), tenantsecrets.ErrMalformed, "it has 65537 bytes, and at most 65536 can be stored"},
		{"a tag of the library's", create(tenant, shop, good, tagged(map[string]string{"tenantid": "x"})), tenantsecrets.ErrInvalidOption, "tenantid"},
		{"too many tags", create(tenant, shop, good, tagged(manyTags(47))), tenantsecrets.ErrInvalidOption, "51 tags"},
		{"a long idempotency key", create(tenant, shop, good, func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = strings.Repeat("k", 257) }), tenantsecrets.ErrInvalidOption, "256 bytes"},
		{"an Encode that fails", createRaw(tenantsecrets.Kind[string]{Path: "raw", Encode: func(value string) ([]byte, error) {
			return nil, errors.New("cannot write " + value)
		}}, secret), tenantsecrets.ErrMalformed, "Encode of its kind returned a *errors.errorString"},
		{"a Decode that would fail", createRaw(tenantsecrets.Kind[string]{Path: "raw", Encode: raw.Encode, Decode: func(stored []byte) (string, error) {
			return "", errors.New("cannot read " + string(stored))
		}}, `{"a":"`+secret+`"}`), tenantsecrets.ErrMalformed, "of its kind returned a *errors.errorString"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newService(t)
			err := tt.create(s)
			s.wantsError(err, "Create", tt.want, secret, good.Key.Reveal())
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			s.wantsCalls()
		})
	}
}

func marshaled(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags["tag"+strings.Repeat("x", i)] = ""
	}
	return tags
}

// The largest document that can be stored is stored.
func TestCreateTheLargest(t *testing.T) {
	s := newService(t)
	raw := tenantsecrets.Kind[string]{Path: "raw", Encode: func(value string) ([]byte, error) { return []byte(value), nil }}
	value := `{"a":"` + strings.Repeat("a", 65536-8-len(`,"tenant_id":"t_abc123"`)) + `"}`
	if _, err := provision.Create(t.Context(), s.provisioner, tenant, raw, value); err != nil {
		t.Fatal(err)
	}
	if n := len(s.current("prod/formbridge/t_abc123/raw").text); n != 65536 {
		t.Errorf("%d bytes are stored", n)
	}
}

func TestCreateCancelled(t *testing.T) {
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	key := newAPIKey()
	_, err := provision.Create(ctx, s.provisioner, tenant, shop, key)
	s.wantsError(err, "Create", tenantsecrets.ErrUnavailable, key.Key.Reveal())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that the context was cancelled", err)
	}
	s.wantsCalls()
}

func TestNewRefused(t *testing.T) {
	s := newService(t)
	if _, err := provision.New(nil, s.backend); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("without a client: %v", err)
	}
	if _, err := provision.New(s.client, nil); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("without an API: %v", err)
	}
	if got := s.provisioner.String(); got != "Provisioner(prod/formbridge)" {
		t.Errorf("it prints as %s", got)
	}
}
