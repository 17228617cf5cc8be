package tenantsecrets_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
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

// signedBy is a message's signature with the newest key of a document.
func signedBy(t *testing.T, text string, message []byte) string {
	t.Helper()
	var members struct {
		Secret string `json:"shared_secret"`
	}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(members.Secret))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, message)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// checkKeys wants the documents' keys to be live in a snapshot, or not to be.
func checkKeys(t *testing.T, s *tenantsecrets.TenantSecret, live, dead []string) {
	t.Helper()
	message := []byte(`{"event":"paid"}`)
	for i, text := range live {
		if err := tenantsecrets.VerifyHMAC(s.Keys(), message, signedBy(t, text, message)); err != nil {
			t.Errorf("live key %d: %v", i, err)
		}
	}
	for i, text := range dead {
		if err := tenantsecrets.VerifyHMAC(s.Keys(), message, signedBy(t, text, message)); !errors.Is(err, tenantsecrets.ErrMismatch) {
			t.Errorf("dead key %d: %v, want ErrMismatch", i, err)
		}
	}
}

// currentID returns the id of the current version.
func currentID(t *testing.T, b *secretstest.Backend) string {
	t.Helper()
	for id, labels := range look(t, b).versions {
		if slices.Contains(labels, "AWSCURRENT") {
			return id
		}
	}
	t.Fatal("no version is current")
	return ""
}

// Somebody who does not know the ring has written a new secret: the one before
// stays live beside it.
func TestPreviousOfAnotherWriter(t *testing.T) {
	b := secretstest.New()
	old, current := document(t, nil), document(t, nil)
	store(t, b, hmacName, old)
	put(t, b, hmacName, current)
	b.ClearCalls()
	s := tenantSecret(t, newClient(t, b))
	checkOperations(t, b, "DescribeSecret", "GetSecretValue", "GetSecretValue")
	checkKeys(t, s, []string{current, old}, nil)
	if !strings.Contains(current, s.Secret().Reveal()) {
		t.Error("the secret is not the current document's")
	}
}

// A document says which version it was built from. Where that is the previous
// one, what is to live on of it is in the document.
func TestPreviousThatIsTheBase(t *testing.T) {
	b := secretstest.New()
	old := document(t, nil)
	store(t, b, hmacName, old)
	current := document(t, map[string]any{"base": currentID(t, b), "previous": []any{}})
	put(t, b, hmacName, current)
	b.ClearCalls()
	s := tenantSecret(t, newClient(t, b))
	checkOperations(t, b, "DescribeSecret", "GetSecretValue")
	checkKeys(t, s, []string{current}, []string{old})
}

// The base is another version than the previous one: a write has come between.
func TestPreviousThatIsNotTheBase(t *testing.T) {
	b := secretstest.New()
	first := document(t, nil)
	store(t, b, hmacName, first)
	base := currentID(t, b)
	between := document(t, nil)
	put(t, b, hmacName, between)
	current := document(t, map[string]any{"base": base, "previous": []any{}})
	put(t, b, hmacName, current)
	checkKeys(t, tenantSecret(t, newClient(t, b)), []string{current, between}, []string{first})
}

// The previous version's key ends a day after the write, without a load.
func TestPreviousEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		old, current := document(t, nil), document(t, nil)
		store(t, b, hmacName, old)
		put(t, b, hmacName, current)
		s := tenantSecret(t, newClient(t, b))
		time.Sleep(24*time.Hour - 1)
		checkKeys(t, s, []string{current, old}, nil)
		time.Sleep(time.Nanosecond)
		checkKeys(t, s, []string{current}, []string{old})
	})
}

// A previous version that cannot be used gives no key, fails nothing, and is
// logged without what is in it.
func TestPreviousThatCannotBeUsed(t *testing.T) {
	for what, write := range map[string]func(*testing.T, *tampered) (text string){
		"malformed": func(t *testing.T, b *tampered) string {
			text := rand.Text()
			store(t, b.Backend, hmacName, text)
			return text
		},
		"without a key": func(t *testing.T, b *tampered) string {
			text := document(t, map[string]any{"shared_secret": "[redacted]", "note": rand.Text()})
			store(t, b.Backend, hmacName, text)
			return text
		},
		"another tenant's": func(t *testing.T, b *tampered) string {
			text := document(t, map[string]any{"tenant_id": otherTenant})
			store(t, b.Backend, hmacName, text)
			return text
		},
		"binary": func(t *testing.T, b *tampered) string {
			text := document(t, nil)
			_, err := b.Backend.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(hmacName), SecretBinary: []byte(text)})
			if err != nil {
				t.Fatal(err)
			}
			return text
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &tampered{Backend: secretstest.New()}
				old, current := write(t, b), document(t, nil)
				put(t, b.Backend, hmacName, current)
				var logged bytes.Buffer
				c := newClient(t, b, logInto(&logged))
				s := tenantSecret(t, c)
				checkKeys(t, s, []string{current}, nil)
				if tags, err := macs(s); err != nil || tags != 1 {
					t.Errorf("%d keys are live (%v), want 1", tags, err)
				}
				log := logged.String()
				if strings.Count(log, "\n") != 1 || strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "name="+hmacName) {
					t.Errorf("logged %q, want one warning about %s", log, hmacName)
				}
				checkNotQuoted(t, old, log)

				b.ClearCalls()
				time.Sleep(defaultTTL)
				tenantSecret(t, c)
				checkOperations(t, b.Backend, "DescribeSecret")
			})
		})
	}
}

// A previous version that cannot be found is a read that lags behind: its key is
// missing until a load finds it, which a mismatch may ask for.
func TestPreviousThatIsFoundLater(t *testing.T) {
	for what, verify := range map[string]bool{"by the next load": false, "by a mismatch": true} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				old := document(t, nil)
				store(t, b, hmacName, old)
				replaced := currentID(t, b)
				current := document(t, nil)
				put(t, b, hmacName, current)
				lagging := &lacking{Backend: b, version: replaced}
				c := newClient(t, lagging, logInto(new(bytes.Buffer)))
				checkKeys(t, tenantSecret(t, c), []string{current}, nil)

				lagging.version = ""
				if verify {
					time.Sleep(time.Minute)
					if err := c.VerifyHMAC(t.Context(), tenant, message, signedBy(t, old, message)); err != nil {
						t.Error(err)
					}
				} else {
					time.Sleep(defaultTTL)
				}
				checkKeys(t, tenantSecret(t, c), []string{current, old}, nil)
				b.ClearCalls()
				time.Sleep(defaultTTL)
				tenantSecret(t, c)
				checkOperations(t, b, "DescribeSecret")
			})
		})
	}
}

// lacking does not find one version.
type lacking struct {
	*secretstest.Backend
	version string
}

func (b *lacking) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if aws.ToString(in.VersionId) == b.version {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value.")}
	}
	return b.Backend.GetSecretValue(ctx, in, optFns...)
}

// macs counts a snapshot's live keys.
func macs(s *tenantsecrets.TenantSecret) (int, error) {
	tags, err := s.Keys().MACs(nil)
	return len(tags), err
}

// A previous version that ought to be readable and is not says of the whole
// secret what it would say of the current one.
func TestPreviousThatCannotBeRead(t *testing.T) {
	for _, tr := range []trouble{
		{what: "denied", begin: previousFails(secretstest.AccessDenied()), want: tenantsecrets.ErrAccessDenied, definite: true},
		{what: "key disabled", begin: previousFails(secretstest.KMSDisabled()), want: tenantsecrets.ErrAccessDenied, definite: true},
		{what: "throttled", begin: previousFails(secretstest.Throttling()), want: tenantsecrets.ErrUnavailable},
		{what: "reset", begin: previousFails(secretstest.ConnectionReset()), want: tenantsecrets.ErrUnavailable},
	} {
		t.Run(tr.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
}

// previousFails is a new version beside a previous one that gives an error.
func previousFails(err error) func(*testing.T, *tampered) func() {
	return func(t *testing.T, b *tampered) func() {
		previous := currentID(t, b.Backend)
		put(t, b.Backend, hmacName, document(t, nil))
		b.get = func(out *secretsmanager.GetSecretValueOutput, got error) (*secretsmanager.GetSecretValueOutput, error) {
			if got == nil && *out.VersionId == previous {
				return nil, err
			}
			return out, got
		}
		return b.stay
	}
}

// AWSPENDING is a rotation that may fail: nobody reads it.
func TestPendingIsNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		current, pending := document(t, nil), document(t, map[string]any{"tenant_id": tenant})
		store(t, b, hmacName, current)
		write := func() {
			_, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
				SecretId: aws.String(hmacName), SecretString: &pending, VersionStages: []string{"AWSPENDING"},
			})
			if err != nil {
				t.Fatal(err)
			}
			b.ClearCalls()
		}
		write()
		c := newClient(t, b)
		s := tenantSecret(t, c)
		checkOperations(t, b, "DescribeSecret", "GetSecretValue")
		checkKeys(t, s, []string{current}, []string{pending})

		time.Sleep(defaultTTL)
		write()
		checkKeys(t, tenantSecret(t, c), []string{current}, []string{pending})
		checkOperations(t, b, "DescribeSecret")
	})
}

// The description names a version that cannot be read yet: a read that lags
// behind says nothing about the secret.
func TestVersionNotReadableYet(t *testing.T) {
	tr := trouble{
		begin: afterPut(fault(secretstest.Fault{Operation: "GetSecretValue", StaleBy: 2 * defaultMaxStale})),
		want:  tenantsecrets.ErrUnavailable,
	}
	synctest.Test(t, tr.check)
}

// Nor does a description that is older than the one before.
func TestDescriptionThatLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		store(t, b, hmacName, document(t, nil))
		time.Sleep(time.Hour)
		newer := document(t, nil)
		put(t, b, hmacName, newer)
		c := newClient(t, b)
		s := tenantSecret(t, c)
		time.Sleep(defaultTTL)
		b.Inject(secretstest.Fault{StaleBy: 10 * time.Minute})
		b.ClearCalls()
		if tenantSecret(t, c) != s {
			t.Error("an older state replaced what is held")
		}
		checkOperations(t, b, "DescribeSecret")
		checkKeys(t, s, []string{newer}, nil)
	})
}

// Its day begins with the secret's last change, which another writer may make
// after it has been read.
func TestPreviousEndsADayAfterTheLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		old, current := document(t, nil), document(t, nil)
		store(t, b, hmacName, old)
		put(t, b, hmacName, current)
		c := newClient(t, b)
		tenantSecret(t, c)
		time.Sleep(20 * time.Hour)
		putUnder(t, b, "AWSPENDING")
		tenantSecret(t, c)
		time.Sleep(24*time.Hour - 1)
		checkKeys(t, tenantSecret(t, c), []string{current, old}, nil)
		time.Sleep(time.Nanosecond)
		checkKeys(t, tenantSecret(t, c), []string{current}, []string{old})
	})
}

// The newest key has an end where its document gives it one, and then no key is
// left.
func TestNewestKeyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		text := document(t, map[string]any{"not_after": time.Now().Add(time.Hour).Format(time.RFC3339)})
		store(t, b, hmacName, text)
		c := newClient(t, b)
		time.Sleep(time.Hour - 1)
		verify(t.Context(), c, signedBy(t, text, message)).accepts(t, 0)
		time.Sleep(time.Nanosecond)
		verify(t.Context(), c, signedBy(t, text, message)).refuses(t, 0, tenantsecrets.ErrNoKey)
		if _, err := tenantsecrets.SignHMAC(tenantSecret(t, c).Keys(), message); !errors.Is(err, tenantsecrets.ErrNoKey) {
			t.Errorf("it signs: %v", err)
		}
	})
}
