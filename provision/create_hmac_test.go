package provision_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const hookName = "prod/formbridge/t_abc123/destinations/webhook1/hmac_key"

func (s *service) keyring() tenantsecrets.Keyring {
	s.Helper()
	keys, err := tenantsecrets.Get(s.Context(), s.client, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		s.Fatal(err)
	}
	return keys
}

// A destination's key is read as a Keyring, and rotated as a tenant's own is: what was
// signed before is accepted after.
func TestCreateHMACKey(t *testing.T) {
	s := newService(t)
	id, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1")
	if err != nil {
		t.Fatal(err)
	}
	s.wantsCalls("CreateSecret")
	body := []byte(`{"event":"paid"}`)
	signature, err := tenantsecrets.SignHMAC(s.keyring(), body)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Secret   string `json:"shared_secret"`
		KID      string `json:"kid"`
		TenantID string `json:"tenant_id"`
	}
	if err := json.Unmarshal([]byte(s.current(hookName).text), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Secret) != 43 || document.KID != id || document.TenantID != tenant {
		t.Errorf("%d characters, kid %s of version %s, tenant %s", len(document.Secret), document.KID, id, document.TenantID)
	}

	r, err := rotation.New(s.client, s.backend)
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Destination("webhook1").Rotate(t.Context(), tenant)
	if err != nil || result.Outcome != rotation.Done {
		t.Fatalf("rotated: %v, error %v", result.Outcome, err)
	}
	if err := tenantsecrets.VerifyHMAC(s.keyring(), body, signature); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

// Each call makes another key, so that it is by its version that an earlier call under
// the same idempotency key is known again.
func TestCreateHMACKeyAgain(t *testing.T) {
	once := func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = "signup 42" }
	t.Run("after an answer", func(t *testing.T) {
		s := newService(t)
		first, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", once)
		if err != nil {
			t.Fatal(err)
		}
		before := s.current(hookName)
		if again, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", once); err != nil || again != first {
			t.Errorf("again: %s, error %v, want %s", again, err, first)
		}
		if s.current(hookName) != before || s.versions(hookName) != 1 {
			t.Error("the key is another one")
		}
	})
	t.Run("after none", func(t *testing.T) {
		s := newService(t)
		remove := s.backend.Inject(secretstest.Fault{Operation: "CreateSecret", LostAnswer: true})
		_, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", once)
		s.wantsError(err, "CreateHMACKey", tenantsecrets.ErrUnavailable)
		remove()
		id, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", once)
		if err != nil || id != s.current(hookName).id {
			t.Errorf("again: %s, error %v", id, err)
		}
	})
	t.Run("under another", func(t *testing.T) {
		s := newService(t)
		if _, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", once); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"", "signup 43"} {
			_, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1", func(o *tenantsecrets.CreateOptions) { o.IdempotencyKey = key })
			s.wantsError(err, "CreateHMACKey", tenantsecrets.ErrExists)
		}
	})
}

func TestCreateHMACKeyRefused(t *testing.T) {
	s := newService(t)
	for _, tt := range []struct {
		tenant, destination string
		want                error
	}{
		{"", "webhook1", tenantsecrets.ErrInvalidTenant},
		{"a/b", "webhook1", tenantsecrets.ErrInvalidTenant},
		{tenantsecrets.Global, "webhook1", tenantsecrets.ErrInvalidTenant},
		{tenant, "", tenantsecrets.ErrInvalidName},
		{tenant, "a/b", tenantsecrets.ErrInvalidName},
		{tenant, "-", tenantsecrets.ErrInvalidName},
	} {
		_, err := s.provisioner.CreateHMACKey(t.Context(), tt.tenant, tt.destination)
		s.wantsError(err, "CreateHMACKey", tt.want)
	}
	s.wantsCalls()
}

// HMAC keys are changed by package rotation alone: nothing else knows their ring.
func TestHMACKeysAreNotPut(t *testing.T) {
	s := newService(t)
	if _, err := s.provisioner.CreateHMACKey(t.Context(), tenant, "webhook1"); err != nil {
		t.Fatal(err)
	}
	before := s.current(hookName)
	s.backend.ClearCalls()
	kind := tenantsecrets.DestinationHMACKey("webhook1")
	_, err := provision.Put(t.Context(), s.provisioner, tenant, kind, before.id, tenantsecrets.Keyring{})
	s.wantsError(err, "Put", tenantsecrets.ErrInvalidOption)
	if !strings.Contains(err.Error(), "rotation") {
		t.Errorf("%q does not say what changes them", err)
	}
	if _, err := provision.Read(t.Context(), s.provisioner, tenant, kind); !errors.Is(err, tenantsecrets.ErrInvalidOption) {
		t.Errorf("Read: %v", err)
	}
	s.wantsCalls()
	if s.current(hookName) != before {
		t.Error("it was changed")
	}
}
