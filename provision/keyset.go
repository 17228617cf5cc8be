package provision

import (
	"crypto/rand"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/document"
)

// NewDataKey makes an enabled encryption key of 32 random bytes, with a random kid, for
// a [tenantsecrets.Keyset].
func NewDataKey() tenantsecrets.DataKey {
	material := make([]byte, 32)
	_, _ = rand.Read(material) // never fails (crypto/rand)
	return tenantsecrets.DataKey{
		KID:       document.RandomVersionID(),
		Material:  tenantsecrets.NewValue(string(material)),
		Status:    tenantsecrets.KeyEnabled,
		CreatedAt: time.Now().UTC().Truncate(time.Second),
	}
}
