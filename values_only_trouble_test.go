package tenantsecrets_test

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// fetched alters the values that are read under a label.
func fetched(label string, change func(*secretsmanager.GetSecretValueOutput)) func(*testing.T, *tampered) {
	return func(_ *testing.T, b *tampered) {
		b.get = edit(func(out *secretsmanager.GetSecretValueOutput) {
			for _, l := range out.VersionStages {
				if l == label {
					change(out)
				}
			}
		})
	}
}

// refused makes the reads under a label fail.
func refused(label string, err error) func(*testing.T, *tampered) {
	return func(_ *testing.T, b *tampered) {
		b.get = func(out *secretsmanager.GetSecretValueOutput, got error) (*secretsmanager.GetSecretValueOutput, error) {
			if got == nil && out.VersionStages[0] == label {
				return nil, err
			}
			return out, got
		}
	}
}

// valueTroubles are what can happen to a value on its way, and what a client that
// sees nothing else makes of it.
var valueTroubles = []struct {
	what     string
	begin    func(*testing.T, *tampered)
	want     error
	definite bool
}{
	{"scheduled for deletion", func(t *testing.T, b *tampered) { deleteLater(t, b.Backend) }, tenantsecrets.ErrPendingDeletion, true},
	{"deleted", func(t *testing.T, b *tampered) { deleteNow(t, b.Backend) }, tenantsecrets.ErrNotFound, true},
	{"denied", refused("AWSCURRENT", secretstest.AccessDenied()), tenantsecrets.ErrAccessDenied, true},
	{"KMS key disabled", refused("AWSCURRENT", secretstest.KMSDisabled()), tenantsecrets.ErrAccessDenied, true},
	{"no AWSCURRENT", refused("AWSCURRENT", coded("ResourceNotFoundException")), tenantsecrets.ErrNotFound, true},
	{"binary", fetched("AWSCURRENT", func(out *secretsmanager.GetSecretValueOutput) {
		out.SecretString, out.SecretBinary = nil, []byte(*out.SecretString)
	}), tenantsecrets.ErrMalformed, true},
	{"malformed", func(t *testing.T, b *tampered) { put(t, b.Backend, hmacName, rand.Text()) }, tenantsecrets.ErrMalformed, true},
	{"another name", fetched("AWSCURRENT", func(out *secretsmanager.GetSecretValueOutput) { out.Name = &otherName }), tenantsecrets.ErrWrongTenant, true},
	{"another ARN", fetched("AWSCURRENT", func(out *secretsmanager.GetSecretValueOutput) { out.ARN = replaced(out.ARN, tenant, otherTenant) }), tenantsecrets.ErrWrongTenant, true},
	{"another account", fetched("AWSCURRENT", func(out *secretsmanager.GetSecretValueOutput) {
		out.ARN = replaced(out.ARN, "123456789012", "210987654321")
	}), tenantsecrets.ErrWrongTenant, true},
	{"another Region", fetched("AWSCURRENT", func(out *secretsmanager.GetSecretValueOutput) {
		out.ARN = replaced(out.ARN, "us-east-1", "eu-west-1")
	}), tenantsecrets.ErrWrongTenant, true},
	{"another tenant's document", func(t *testing.T, b *tampered) {
		put(t, b.Backend, hmacName, document(t, map[string]any{"tenant_id": otherTenant}))
	}, tenantsecrets.ErrWrongTenant, true},

	{"throttled", refused("AWSCURRENT", secretstest.Throttling()), tenantsecrets.ErrUnavailable, false},
	{"an invalid request that is no deletion", refused("AWSCURRENT", coded("InvalidRequestException")), tenantsecrets.ErrUnavailable, false},
	{"neither an answer nor an error", func(_ *testing.T, b *tampered) { b.get = nothing[secretsmanager.GetSecretValueOutput] }, tenantsecrets.ErrUnavailable, false},
}

// previousTroubles are those of the second read, which comes with a new version
// that names no base.
var previousTroubles = []struct {
	what     string
	begin    func(*testing.T, *tampered)
	want     error
	definite bool
}{
	{"denied", refused("AWSPREVIOUS", secretstest.AccessDenied()), tenantsecrets.ErrAccessDenied, true},
	{"KMS key disabled", refused("AWSPREVIOUS", secretstest.KMSDisabled()), tenantsecrets.ErrAccessDenied, true},
	{"another name", fetched("AWSPREVIOUS", func(out *secretsmanager.GetSecretValueOutput) { out.Name = &otherName }), tenantsecrets.ErrWrongTenant, true},
	{"another account", fetched("AWSPREVIOUS", func(out *secretsmanager.GetSecretValueOutput) {
		out.ARN = replaced(out.ARN, "123456789012", "210987654321")
	}), tenantsecrets.ErrWrongTenant, true},
	{"throttled", refused("AWSPREVIOUS", secretstest.Throttling()), tenantsecrets.ErrUnavailable, false},
	{"neither an answer nor an error", refused("AWSPREVIOUS", nil), tenantsecrets.ErrUnavailable, false},
}

func TestValuesOnlyTroubles(t *testing.T) {
	for _, tr := range valueTroubles {
		t.Run(tr.what, func(t *testing.T) { checkValueTrouble(t, tr.begin, tr.want, tr.definite) })
	}
	for _, tr := range previousTroubles {
		t.Run("previous: "+tr.what, func(t *testing.T) {
			checkValueTrouble(t, func(t *testing.T, b *tampered) {
				put(t, b.Backend, hmacName, document(t, nil))
				tr.begin(t, b)
			}, tr.want, tr.definite)
		})
	}
}

// checkValueTrouble: who holds nothing gets the error at once. Who holds something
// is refused at the first load, by a definite no; otherwise he is served what he
// holds, until MaxStale.
func checkValueTrouble(t *testing.T, begin func(*testing.T, *tampered), want error, definite bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &tampered{Backend: secretstest.New()}
		store(t, b.Backend, hmacName, document(t, nil))
		holder, cold := newClient(t, b, gettingAlone, quiet, atHome), newClient(t, b, gettingAlone, quiet, atHome)
		held := tenantSecret(t, holder)
		begin(t, b)
		ask(t.Context(), cold).fails(t, 0, want)
		time.Sleep(ttl)
		if definite {
			ask(t.Context(), holder).fails(t, 0, want)
			return
		}
		ask(t.Context(), holder).serves(t, held, 0)
		time.Sleep(maxStale - ttl)
		ask(t.Context(), holder).fails(t, 0, tenantsecrets.ErrStale)
	})
}

// An error that is transient ends, and nothing is left of it.
func TestValuesOnlyRecovers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b, gettingAlone)
		s := tenantSecret(t, c)
		end := b.Inject(secretstest.Fault{Err: secretstest.Throttling()})
		time.Sleep(ttl)
		ask(t.Context(), c).serves(t, s, 0)
		end()
		time.Sleep(time.Second)
		version := rotate(t, b, s)
		ask(t.Context(), c).servesVersion(t, version, 0)
	})
}

// A kind of somebody's own: its tag, which nobody sees, does not say whose it is.
func TestValuesOnlyKindWithoutTenantID(t *testing.T) {
	kind := plainKind(func(stored []byte) (string, error) { return string(stored), nil })
	for what, tt := range map[string]struct {
		members map[string]any
		want    error
	}{
		"without":   {nil, tenantsecrets.ErrMalformed},
		"another's": {map[string]any{"tenant_id": otherTenant}, tenantsecrets.ErrWrongTenant},
		"its own":   {map[string]any{"tenant_id": tenant}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			b := secretstest.New()
			text := `{"password":"` + rand.Text() + `"}`
			if owner, given := tt.members["tenant_id"]; given {
				text = `{"tenant_id":"` + owner.(string) + `"}`
			}
			storeTagged(t, b, plainName, text, tenant)
			b.ClearCalls()
			_, err := tenantsecrets.Get(t.Context(), newClient(t, b, gettingAlone, quiet), tenant, kind)
			checkCause(t, err, tt.want)
			checkOperations(t, b, getCall)
		})
	}
}

// Where no place is set, the first value pins it.
func TestValuesOnlyPinsThePlace(t *testing.T) {
	b := &tampered{Backend: secretstest.New()}
	store(t, b.Backend, hmacName, document(t, nil))
	store(t, b.Backend, otherName, document(t, map[string]any{"tenant_id": otherTenant}))
	c := newClient(t, b, gettingAlone, quiet)
	tenantSecret(t, c)
	b.move("us-east-1", "eu-west-1")
	_, err := c.TenantSecret(t.Context(), otherTenant)
	checkCause(t, err, tenantsecrets.ErrWrongTenant)
}

// A secret whose value was never written is none.
func TestValuesOnlyOfASecretWithoutAValue(t *testing.T) {
	b := secretstest.New()
	if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(hmacName)}); err != nil {
		t.Fatal(err)
	}
	_, err := newClient(t, b, gettingAlone).TenantSecret(t.Context(), tenant)
	checkCause(t, err, tenantsecrets.ErrNotFound)
}
