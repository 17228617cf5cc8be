package tenantsecrets_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
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

// under makes creations repeatable.
func under(idempotencyKey string) func(*tenantsecrets.CreateOptions) {
	return func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = idempotencyKey }
}

// created wants the tenant's secret to be created.
func created(t *testing.T, c *tenantsecrets.Client, optFns ...func(*tenantsecrets.CreateOptions)) *tenantsecrets.TenantSecret {
	t.Helper()
	s, err := c.CreateTenant(t.Context(), tenant, optFns...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkSame wants two snapshots of one version.
func checkSame(t *testing.T, got, want *tenantsecrets.TenantSecret) {
	t.Helper()
	if got.VersionID() != want.VersionID() || got.Name() != want.Name() {
		t.Errorf("got %v, want %v", got, want)
	}
	if !got.CreatedAt().Equal(want.CreatedAt()) {
		t.Errorf("%v was created %v, want %v", got, got.CreatedAt(), want.CreatedAt())
	}
	if !got.Secret().Equal(want.Secret()) || !got.WebhookSecret().Equal(want.WebhookSecret()) {
		t.Errorf("%v holds another key than %v", got, want)
	}
}

// checkOperations wants exactly these calls since the log was last cleared, and
// clears it.
func checkOperations(t *testing.T, b *secretstest.Backend, want ...string) {
	t.Helper()
	if got := operations(b); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("calls are %v, want %v", got, want)
	}
	b.ClearCalls()
}

// stored is all that a backend has under the tenant's name; its zero value:
// nothing.
type stored struct {
	text                  string
	description, kmsKeyID string
	tags                  []types.Tag
	versions              map[string][]string
}

// look reads what is stored, with calls of its own.
func look(t *testing.T, b *secretstest.Backend) (s stored) {
	t.Helper()
	d, err := b.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(hmacName)})
	if err != nil {
		var absent *types.ResourceNotFoundException
		if !errors.As(err, &absent) {
			t.Fatal(err)
		}
		return s
	}
	s = stored{
		description: aws.ToString(d.Description), kmsKeyID: aws.ToString(d.KmsKeyId),
		tags: d.Tags, versions: d.VersionIdsToStages,
	}
	if d.DeletedDate == nil {
		v, err := b.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(hmacName)})
		if err != nil {
			t.Fatal(err)
		}
		s.text = aws.ToString(v.SecretString)
	}
	return s
}

// checkOneVersion wants a secret that was written once.
func checkOneVersion(t *testing.T, b *secretstest.Backend, id string) {
	t.Helper()
	want := map[string][]string{id: {"AWSCURRENT"}}
	if got := look(t, b).versions; !reflect.DeepEqual(got, want) {
		t.Errorf("stored versions are %v, want %v", got, want)
	}
}

func TestCreateTenantStores(t *testing.T) {
	b := secretstest.New()
	now := time.Date(2026, 7, 8, 9, 10, 11, 987654321, time.FixedZone("", 3600))
	c := newClient(t, b, func(o *tenantsecrets.Options) { o.Now = func() time.Time { return now } })
	s := created(t, c, func(o *tenantsecrets.CreateOptions) {
		o.KMSKeyID, o.Description = "alias/webhooks", "signs what t_abc123 sends"
		o.Tags = map[string]string{"Team": "payments", "Empty": ""}
	})

	token := b.Calls()[0].VersionID
	checkOperations(t, b, "CreateSecret")
	if token == "" || s.VersionID() != token {
		t.Errorf("version is %q, the ClientRequestToken was %q", s.VersionID(), token)
	}
	if s.Name() != hmacName || s.CreatedAt() != now.UTC().Truncate(time.Second) {
		t.Errorf("got %v of %v", s, s.CreatedAt())
	}
	got := look(t, b)
	checkOneVersion(t, b, token)
	secret := s.Secret().Reveal()
	if want := fmt.Sprintf(`{"shared_secret":%q,"created_at":"2026-07-08T08:10:11Z","kid":%q,`+
		`"tenant_id":"t_abc123","version":"1.0","previous":[],"base":""}`, secret, token); got.text != want {
		t.Errorf("the document is not as designed: %s", strings.ReplaceAll(got.text, secret, "(secret)"))
	}
	if want := []types.Tag{
		{Key: aws.String("Empty"), Value: aws.String("")},
		{Key: aws.String("Environment"), Value: aws.String("prod")},
		{Key: aws.String("SecretType"), Value: aws.String("hmac_key")},
		{Key: aws.String("Service"), Value: aws.String("formbridge")},
		{Key: aws.String("Team"), Value: aws.String("payments")},
		{Key: aws.String("TenantId"), Value: aws.String("t_abc123")},
	}; !reflect.DeepEqual(got.tags, want) {
		t.Errorf("tags are %v", tagMap(got.tags))
	}
	if got.kmsKeyID != "alias/webhooks" || got.description != "signs what t_abc123 sends" {
		t.Errorf("key is %q and description %q", got.kmsKeyID, got.description)
	}
}

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string)
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func TestCreateTenantWithoutOptions(t *testing.T) {
	b := secretstest.New()
	created(t, newClient(t, b))
	got := look(t, b)
	want := map[string]string{"TenantId": tenant, "SecretType": "hmac_key", "Environment": "prod", "Service": "formbridge"}
	if tags := tagMap(got.tags); !maps.Equal(tags, want) {
		t.Errorf("tags are %v, want %v", tags, want)
	}
	if got.kmsKeyID != "" || got.description != "" {
		t.Errorf("key is %q and description %q, want none", got.kmsKeyID, got.description)
	}
}

// The secret is 43 characters of base64url, and those characters are the key.
func TestCreateTenantMakesKeys(t *testing.T) {
	c := newClient(t, secretstest.New())
	seen := make(map[string]bool)
	for i := range 20 {
		s, err := c.CreateTenant(t.Context(), fmt.Sprintf("t_%d", i))
		if err != nil {
			t.Fatal(err)
		}
		secret := s.Secret().Reveal()
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(secret) || seen[secret] {
			t.Error("the secret is not 43 new characters of base64url")
		}
		seen[secret] = true

		body := []byte(`{"event":"paid"}`)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		signature, err := tenantsecrets.SignHMAC(s.Keys(), body)
		if err != nil || signature != hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("the secret's characters are not the key (%v)", err)
		}
	}
}

// What was created is what every process reads, and this one without a call.
func TestCreateTenantThenRead(t *testing.T) {
	b := secretstest.New()
	c := newClient(t, b)
	s := created(t, c)
	b.ClearCalls()
	if tenantSecret(t, c) != s {
		t.Error("the process that created the secret reads another")
	}
	signature, err := tenantsecrets.SignHMAC(s.Keys(), []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHMAC(t.Context(), tenant, []byte("body"), signature); err != nil {
		t.Error(err)
	}
	checkOperations(t, b)
	checkSame(t, tenantSecret(t, newClient(t, b)), s)
}

// The first refresh after a creation finds nothing that has to be read.
func TestCreateTenantThenRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		c := newClient(t, b)
		s := created(t, c)
		b.ClearCalls()
		time.Sleep(defaultTTL)
		if tenantSecret(t, c) != s {
			t.Error("a refresh without news changed the secret")
		}
		checkOperations(t, b, "DescribeSecret")
	})
}

func TestCreateTenantRefusesOptions(t *testing.T) {
	tagged := func(keys ...string) func(*tenantsecrets.CreateOptions) {
		return func(o *tenantsecrets.CreateOptions) {
			o.Tags = make(map[string]string)
			for _, key := range keys {
				o.Tags[key] = "x"
			}
		}
	}
	var keys []string
	for i := range 47 {
		keys = append(keys, fmt.Sprintf("tag-%d", i))
	}
	for _, tt := range []struct {
		what    string
		options func(*tenantsecrets.CreateOptions)
		says    string // "": the options are good
	}{
		{"the tag TenantId", tagged("TenantId"), "TenantId"},
		{"the tag SecretType", tagged("SecretType"), "SecretType"},
		{"the tag Environment", tagged("Environment"), "Environment"},
		{"the tag Service", tagged("Service", "Team"), "Service"},
		{"a library's tag with its own value", func(o *tenantsecrets.CreateOptions) { o.Tags = map[string]string{"TenantId": tenant} }, "TenantId"},
		{"a library's tag in another case", tagged("tenantid"), "tenantid"},
		{"46 tags", tagged(keys[:46]...), ""},
		{"47 tags", tagged(keys...), "51 tags"},
		{"an idempotency key of 256 bytes", under(strings.Repeat("k", 256)), ""},
		{"an idempotency key of 257 bytes", under(strings.Repeat("k", 257)), "256 bytes"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			c := newClient(t, b)
			if tt.says == "" {
				created(t, c, tt.options)
				return
			}
			_, err := c.CreateTenant(t.Context(), tenant, tt.options)
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrInvalidOption)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q does not mention %q", err, tt.says)
			}
			checkOperations(t, b)
		})
	}
}

// What only Secrets Manager can judge, it refuses, and the caller is told that
// its options are at fault.
func TestCreateTenantOptionsThatTheServiceRefuses(t *testing.T) {
	for what, options := range map[string]func(*tenantsecrets.CreateOptions){
		"a long description": func(o *tenantsecrets.CreateOptions) { o.Description = strings.Repeat("d", 2049) },
		"a long KMS key":     func(o *tenantsecrets.CreateOptions) { o.KMSKeyID = strings.Repeat("k", 2049) },
		"a long tag":         func(o *tenantsecrets.CreateOptions) { o.Tags = map[string]string{strings.Repeat("t", 129): ""} },
		"an empty tag":       func(o *tenantsecrets.CreateOptions) { o.Tags = map[string]string{"": ""} },
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			_, err := newClient(t, b).CreateTenant(t.Context(), tenant, options)
			checkFailed(t, err, "CreateTenant", tenantsecrets.ErrInvalidOption)
			checkOperations(t, b, "CreateSecret")
			if got := look(t, b); got.versions != nil {
				t.Errorf("a refused creation stored %v", got.versions)
			}
		})
	}
}
