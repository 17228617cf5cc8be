package provision_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
)

func TestNewDataKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := provision.NewDataKey(), provision.NewDataKey()
		if len(a.Material.Reveal()) != 32 || a.Material.Equal(b.Material) || a.KID == b.KID || a.KID == "" {
			t.Error("two keys are not of 32 bytes, or are alike")
		}
		if a.Status != tenantsecrets.KeyEnabled || !a.CreatedAt.Equal(time.Now()) {
			t.Errorf("status %s, created at %v", a.Status, a.CreatedAt)
		}
	})
}

// A key's life: beside the primary, primary, only to decrypt with, destroyed.
func TestLifeOfADataKey(t *testing.T) {
	s := newService(t)
	kind := tenantsecrets.EncryptionKey()
	for _, owner := range []string{tenant, tenantsecrets.Global} {
		old := provision.NewDataKey()
		base, err := provision.Create(t.Context(), s.provisioner, owner, kind, tenantsecrets.Keyset{Primary: old.KID, Keys: []tenantsecrets.DataKey{old}})
		if err != nil {
			t.Fatal(err)
		}
		fresh := provision.NewDataKey()
		for _, change := range []func(*tenantsecrets.Keyset){
			func(k *tenantsecrets.Keyset) { k.Keys = append(k.Keys, fresh) },
			func(k *tenantsecrets.Keyset) { k.Primary = fresh.KID },
			func(k *tenantsecrets.Keyset) { k.Keys[0].Status = tenantsecrets.KeyDecryptOnly },
		} {
			base = s.changed(owner, base, change)
			for _, key := range []tenantsecrets.DataKey{old, fresh} {
				if got, err := s.keyset(owner).Key(key.KID); err != nil || !got.Material.Equal(key.Material) {
					t.Errorf("a key that is not destroyed is lost: %v", err)
				}
			}
		}
		s.changed(owner, base, func(k *tenantsecrets.Keyset) {
			k.Keys[0].Status, k.Keys[0].Material = tenantsecrets.KeyDestroyed, tenantsecrets.Value{}
		})
		if _, err := s.keyset(owner).Key(old.KID); !errors.Is(err, tenantsecrets.ErrNoKey) {
			t.Errorf("of a destroyed key: %v", err)
		}
	}
}

func (s *service) changed(owner, base string, change func(*tenantsecrets.Keyset)) string {
	s.Helper()
	entry, err := provision.Read(s.Context(), s.provisioner, owner, tenantsecrets.EncryptionKey())
	if err != nil || entry.VersionID != base {
		s.Fatalf("read %s, error %v, want %s", entry.VersionID, err, base)
	}
	change(&entry.Value)
	id, err := provision.Put(s.Context(), s.provisioner, owner, tenantsecrets.EncryptionKey(), base, entry.Value)
	if err != nil {
		s.Fatal(err)
	}
	return id
}

func (s *service) keyset(owner string) tenantsecrets.Keyset {
	s.Helper()
	k, err := tenantsecrets.Get(s.Context(), s.client, owner, tenantsecrets.EncryptionKey())
	if err != nil {
		s.Fatal(err)
	}
	return k
}
