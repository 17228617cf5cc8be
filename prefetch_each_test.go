package tenantsecrets_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// ailing is tenants by what a prefetch of them finds. What is not told apart by its
// document is made so by ail.
var ailing = map[string]struct {
	members map[string]any // nil: there is none
	want    error
}{
	tenant:        {map[string]any{}, nil},
	"t_good":      {map[string]any{"base": ""}, nil},
	"t_missing":   {nil, tenantsecrets.ErrNotFound},
	"t/invalid":   {nil, tenantsecrets.ErrInvalidTenant},
	"t_deleted":   {map[string]any{}, tenantsecrets.ErrNotFound},
	"t_scheduled": {map[string]any{}, tenantsecrets.ErrPendingDeletion},
	"t_denied":    {map[string]any{}, tenantsecrets.ErrAccessDenied},
	"t_kms":       {map[string]any{}, tenantsecrets.ErrAccessDenied},
	"t_disabled":  {map[string]any{}, tenantsecrets.ErrAccessDenied},
	"t_malformed": {map[string]any{"shared_secret": nil}, tenantsecrets.ErrMalformed},
	"t_binary":    {map[string]any{}, tenantsecrets.ErrMalformed},
	"t_wrong":     {map[string]any{"tenant_id": tenant}, tenantsecrets.ErrWrongTenant},
	"t_unowned":   {map[string]any{"tenant_id": nil}, tenantsecrets.ErrMalformed},
	"t_suspended": {map[string]any{"state": "suspended"}, tenantsecrets.ErrSuspended},
}

// storeAiling stores the secrets of all who have one, and returns all.
func storeAiling(t *testing.T, b *secretstest.Backend) (ids []string) {
	t.Helper()
	const key = "alias/denied"
	for id, a := range ailing {
		ids = append(ids, id)
		if a.members == nil || id == tenant { // whom every bubble begins with
			continue
		}
		members := map[string]any{"tenant_id": id}
		maps.Copy(members, a.members)
		in := &secretsmanager.CreateSecretInput{Name: aws.String(nameOf(id)), SecretString: aws.String(document(t, members))}
		switch id {
		case "t_kms":
			in.KmsKeyId = aws.String(key)
		case "t_binary":
			in.SecretString, in.SecretBinary = nil, []byte{1}
		}
		if _, err := b.CreateSecret(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	b.SetKMSKey(key, secretstest.KeyDenied)
	return ids
}

// ail makes ill what is not by its document.
func ail(t *testing.T, b *secretstest.Backend) {
	t.Helper()
	for _, in := range []*secretsmanager.DeleteSecretInput{
		{SecretId: aws.String(nameOf("t_deleted")), ForceDeleteWithoutRecovery: aws.Bool(true)},
		{SecretId: aws.String(nameOf("t_scheduled"))},
	} {
		if _, err := b.DeleteSecret(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	b.Inject(
		secretstest.Fault{SecretID: nameOf("t_denied"), Err: secretstest.AccessDenied()},
		secretstest.Fault{SecretID: nameOf("t_disabled"), Err: secretstest.KMSDisabled()},
	)
	b.ClearCalls()
}

// What is wrong with one secret is said of it, once, and harms no other.
func TestPrefetchTellsWhatIsWrongWithEach(t *testing.T) {
	inBubble(t, func(t *testing.T, b *secretstest.Backend) {
		ids := storeAiling(t, b)
		ail(t, b)
		c := newClient(t, b, quiet)
		p := prefetch(t.Context(), c, ids)
		checkOperations(t, b, batchCall)
		for id, a := range ailing {
			p.ends(t, id, a.want)
			_, got := c.TenantSecret(t.Context(), id)
			if !errors.Is(got, a.want) || a.want == nil && got != nil {
				t.Errorf("%s: then a call got %v, want %v", id, got, a.want)
			}
		}
		checkOperations(t, b) // a definite no is remembered
		checkOneIsQuoted(t, p, len(ids)-2, len(ids))
	})
}

// checkOneIsQuoted wants an error that counts and quotes one tenant.
func checkOneIsQuoted(t *testing.T, p prefetched, failed, tenants int) {
	t.Helper()
	text := p.err.Error()
	if want := fmt.Sprintf("tenantsecrets: Prefetch: %d of %d tenants ", failed, tenants); !strings.HasPrefix(text, want) {
		t.Errorf("%q does not begin with %q", text, want)
	}
	quoted := 0
	for id, errs := range p.fates {
		if errs[0] != nil && strings.Contains(text, errs[0].Error()) {
			quoted++
		} else if strings.Contains(text, id) {
			t.Errorf("%q names %s too", text, id)
		}
	}
	if quoted != 1 {
		t.Errorf("%q quotes %d errors", text, quoted)
	}
}
