package tenantsecrets_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const rawName = "prod/formbridge/t_abc123/tls/private_key"

// rawKind is a kind of any bytes.
var rawKind = tenantsecrets.Kind[tenantsecrets.Value]{
	Path: "tls/private_key", Raw: true,
	Decode: func(stored []byte) (tenantsecrets.Value, error) { return tenantsecrets.NewValue(string(stored)), nil },
}

// storeRaw creates the secret of rawKind as external-secrets does, with tags.
func storeRaw(t *testing.T, b *secretstest.Backend, text *string, binary []byte, tags ...string) {
	t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: aws.String(rawName), SecretString: text, SecretBinary: binary}
	for i := 0; i < len(tags); i += 2 {
		in.Tags = append(in.Tags, types.Tag{Key: &tags[i], Value: &tags[i+1]})
	}
	if _, err := b.CreateSecret(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func getRaw(t *testing.T, api tenantsecrets.API, optFns ...func(*tenantsecrets.Options)) (tenantsecrets.Value, error) {
	t.Helper()
	return tenantsecrets.Get(t.Context(), quietClient(t, api, optFns...), tenant, rawKind)
}

func TestRawKind(t *testing.T) {
	long := strings.Repeat(rand.Text()[:16], 4096)
	for what, secret := range map[string]string{
		"text":                      rand.Text(),
		"a JSON object of nobody's": `{"a":"` + rand.Text() + `"}`,
		"another tenant's in text":  `{"tenant_id":"t_abc124","a":"` + rand.Text() + `"}`,
		"several lines":             "-----BEGIN KEY-----\n" + rand.Text() + "\n-----END KEY-----\n",
		"a byte order mark":         "\ufeff" + rand.Text(),
		"one byte":                  "x",
		"65,536 bytes":              long,
		"binary":                    "\x00\xff\xfe" + rand.Text(),
	} {
		t.Run(what, func(t *testing.T) {
			for form, text := range map[string]*string{"SecretString": &secret, "SecretBinary": nil} {
				b := secretstest.New()
				if what == "binary" && text != nil {
					continue // SecretString is UTF-8
				}
				if text == nil {
					storeRaw(t, b, nil, []byte(secret), "TenantId", tenant)
				} else {
					storeRaw(t, b, text, nil, "TenantId", tenant)
				}
				b.ClearCalls()
				if got, err := getRaw(t, b); err != nil || got.Reveal() != secret {
					t.Errorf("%s: error %v, or other bytes", form, err)
				}
				checkOperations(t, b, describeCall, getCall)
			}
		})
	}
}

// Nothing in it says whose it is: the tag must.
func TestRawKindOfSomebodyElse(t *testing.T) {
	for what, tt := range map[string]struct {
		tags []string
		want error
		says string
	}{
		"no tag":           {nil, tenantsecrets.ErrMalformed, "add the tag TenantId with the value t_abc123 to the secret"},
		"another tag":      {[]string{"team", "x"}, tenantsecrets.ErrMalformed, "add the tag TenantId"},
		"the tag's case":   {[]string{"tenantid", tenant}, tenantsecrets.ErrMalformed, "add the tag TenantId"},
		"another tenant's": {[]string{"TenantId", otherTenant}, tenantsecrets.ErrWrongTenant, "its tag TenantId is not"},
		"an empty tag":     {[]string{"TenantId", ""}, tenantsecrets.ErrWrongTenant, "its tag TenantId is not"},
		"another type's":   {[]string{"TenantId", tenant, "SecretType", "api_key"}, tenantsecrets.ErrWrongTenant, "its tag SecretType is not"},
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			secret := `{"tenant_id":"t_abc123","a":"` + rand.Text() + `"}` // what it says itself does not count
			storeRaw(t, b, nil, []byte(secret), tt.tags...)
			_, err := getRaw(t, b)
			checkGetFailed(t, err, rawName, tt.want)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			checkNotQuoted(t, secret, err.Error())
		})
	}
}

func TestRawKindRefused(t *testing.T) {
	secret := rand.Text()
	for what, tt := range map[string]struct {
		change func(*secretsmanager.GetSecretValueOutput)
		says   string
	}{
		"an empty text": {func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = aws.String("") }, "it is empty"},
		"empty bytes":   {func(out *secretsmanager.GetSecretValueOutput) { out.SecretString, out.SecretBinary = nil, []byte{} }, "it is empty"},
		"neither":       {func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = nil }, "it is empty"},
		"both":          {func(out *secretsmanager.GetSecretValueOutput) { out.SecretBinary = []byte(secret) }, "text and bytes at once"},
		"65,537 bytes": {func(out *secretsmanager.GetSecretValueOutput) {
			out.SecretString = aws.String(strings.Repeat("x", 65537))
		}, "65537 bytes, and at most 65536"},
		"65,537 bytes, binary": {func(out *secretsmanager.GetSecretValueOutput) {
			out.SecretString, out.SecretBinary = nil, bytes.Repeat([]byte{0}, 65537)
		}, "65537 bytes, and at most 65536"},
		"the redacted text": {func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = aws.String("[redacted]") }, "printed in place of a secret"},
	} {
		t.Run(what, func(t *testing.T) {
			b := &tampered{Backend: secretstest.New()}
			storeRaw(t, b.Backend, &secret, nil, "TenantId", tenant)
			b.get = edit(tt.change)
			_, err := getRaw(t, b)
			checkGetFailed(t, err, rawName, tenantsecrets.ErrMalformed)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not say %q", err, tt.says)
			}
			checkNotQuoted(t, secret, err.Error())
		})
	}
}

// Where tags cannot be seen the answer is known before any call.
func TestRawKindWithValuesOnly(t *testing.T) {
	b := secretstest.New()
	storeRaw(t, b, aws.String(rand.Text()), nil, "TenantId", tenant)
	b.ClearCalls()
	_, err := getRaw(t, b, gettingAlone)
	checkGetFailed(t, err, rawName, tenantsecrets.ErrInvalidOption)
	if !strings.Contains(err.Error(), "TenantId") || !strings.Contains(err.Error(), "ValuesOnly") {
		t.Errorf("%q does not say why", err)
	}
	checkOperations(t, b)
}

func TestRawKindOfKeys(t *testing.T) {
	b := secretstest.New()
	kind := tenantsecrets.DestinationHMACKey("webhook1")
	kind.Raw = true
	_, err := tenantsecrets.Get(t.Context(), newClient(t, b), tenant, kind)
	checkGetFailed(t, err, destHMACKey, tenantsecrets.ErrInvalidOption)
	checkOperations(t, b)
}

// A kind that is not raw goes on refusing bytes.
func TestBytesOfAKindThatIsNotRaw(t *testing.T) {
	b := secretstest.New()
	secret := object(t, nil)
	storeRaw(t, b, nil, []byte(secret), "TenantId", tenant)
	kind := rawKind
	kind.Raw = false
	_, err := tenantsecrets.Get(t.Context(), quietClient(t, b), tenant, kind)
	checkGetFailed(t, err, rawName, tenantsecrets.ErrMalformed)
	checkNotQuoted(t, secret, err.Error())
}

// It is cached as any other: decoded once per version, served through an outage, and
// evicted once its tag is another tenant's, or gone.
func TestRawKindIsCached(t *testing.T) {
	t.Run("the tag is another tenant's", func(t *testing.T) {
		checkRawKindIsCached(t, tenantsecrets.ErrWrongTenant, func(b *secretstest.Backend) error {
			_, err := b.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: aws.String(rawName), Tags: []types.Tag{{Key: aws.String("TenantId"), Value: aws.String(otherTenant)}}})
			return err
		})
	})
	t.Run("the tag is gone", func(t *testing.T) {
		checkRawKindIsCached(t, tenantsecrets.ErrMalformed, func(b *secretstest.Backend) error {
			_, err := b.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: aws.String(rawName), TagKeys: []string{"TenantId"}})
			return err
		})
	})
}

func checkRawKindIsCached(t *testing.T, want error, retag func(*secretstest.Backend) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		first, second := rand.Text(), rand.Text()
		storeRaw(t, b, nil, []byte(first), "TenantId", tenant)
		c := quietClient(t, b)
		expect := func(want string) {
			t.Helper()
			if got, err := tenantsecrets.Get(t.Context(), c, tenant, rawKind); err != nil || got.Reveal() != want {
				t.Errorf("error %v, or another version", err)
			}
		}
		expect(first)
		if _, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(rawName), SecretBinary: []byte(second)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(defaultTTL)
		expect(second)
		remove := b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(defaultTTL)
		expect(second)
		remove()
		if err := retag(b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(defaultTTL)
		_, err := tenantsecrets.Get(t.Context(), c, tenant, rawKind)
		checkGetFailed(t, err, rawName, want)
	})
}
