package rotation_test

import (
	"encoding/hex"

	"github.com/formbridge/tenantsecrets"
)

var webhookBody = []byte(`{"event":"form.submitted","id":"evt_1"}`)

// signedWebhook is one that was signed, by the key of that kid.
type signedWebhook struct{ tenant, signature, kid string }

// signed is a webhook of now.
func (f *fleet) signed(tenant string) signedWebhook {
	f.Helper()
	w := signedWebhook{tenant: tenant}
	f.persist(func() (err error) {
		s, err := f.signers[0].client.TenantSecret(f.Context(), tenant)
		if err != nil {
			return err
		}
		if w.signature, err = tenantsecrets.SignHMAC(s.Keys(), webhookBody); err != nil {
			return err
		}
		tag, err := hex.DecodeString(w.signature)
		if err != nil {
			return err
		}
		w.kid, _, err = s.Keys().Match([][]byte{tag}, webhookBody)
		return err
	})
	return w
}

// ask asks a verifier for its opinion.
func (w signedWebhook) ask(f *fleet, p *fleetProcess) error {
	return p.client.VerifyHMAC(f.Context(), w.tenant, webhookBody, w.signature)
}

// sign signs one, as traffic does.
func (p *fleetProcess) sign(f *fleet, tenant string) (string, error) {
	s, err := p.client.TenantSecret(f.Context(), tenant)
	if err != nil {
		return "", err
	}
	return tenantsecrets.SignHMAC(s.Keys(), webhookBody)
}
