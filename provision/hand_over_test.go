package provision_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
)

// What is handed to a receiver verifies what is signed for it.
func TestHMACKeyIsWhatSigns(t *testing.T) {
	s := newService(t)
	if _, err := s.provisioner.CreateHMACKey(s.Context(), tenant, "webhook1"); err != nil {
		t.Fatal(err)
	}
	key, kid, err := s.provisioner.HMACKey(s.Context(), tenant, "webhook1")
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := tenantsecrets.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := tenantsecrets.Get(s.Context(), s.client, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		t.Fatal(err)
	}
	tags, err := sender.MACs([]byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := receiver.Match(tags, []byte("body")); err != nil {
		t.Errorf("the receiver refuses: %v", err)
	}
	if signer, _, err := sender.Match(tags, []byte("body")); err != nil || signer != kid {
		t.Errorf("kid %s, and %s signs; error %v", kid, signer, err)
	}
	if _, _, err := s.provisioner.HMACKey(s.Context(), tenant, "webhook2"); !errors.Is(err, tenantsecrets.ErrNotFound) {
		t.Errorf("a destination without a key: %v, want ErrNotFound", err)
	}
}

// note is a kind whose Decode looks at what the library has set.
type note struct{ Text, TenantID string }

var notes = tenantsecrets.Kind[note]{
	Path: "note",
	Decode: func(stored []byte) (n note, err error) {
		var d struct {
			Text     string `json:"text"`
			TenantID string `json:"tenant_id"`
		}
		if err := json.Unmarshal(stored, &d); err != nil {
			return n, err
		}
		if d.TenantID == "" {
			return n, errors.New("whose is it")
		}
		return note{d.Text, d.TenantID}, nil
	},
	Encode: func(n note) ([]byte, error) { return json.Marshal(map[string]string{"text": n.Text}) },
}

// A Decode sees what Get will show it: tenant_id is set before it is asked.
func TestDecodeSeesTheTenant(t *testing.T) {
	s := newService(t)
	first, err := provision.Create(s.Context(), s.provisioner, tenant, notes, note{Text: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provision.Put(s.Context(), s.provisioner, tenant, notes, first, note{Text: "two"}); err != nil {
		t.Fatal(err)
	}
	if got, err := tenantsecrets.Get(s.Context(), s.client, tenant, notes); err != nil || got != (note{"two", tenant}) {
		t.Errorf("%+v, error %v", got, err)
	}
}
