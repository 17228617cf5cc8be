package provision

import (
	"fmt"

	"github.com/formbridge/tenantsecrets"
)

// refuseRaw refuses a kind of which not every value is a JSON object: there is no place in
// it for tenant_id, base and nonce, by which a write is told from another's.
func refuseRaw[T any](kind tenantsecrets.Kind[T]) error {
	if !kind.Raw {
		return nil
	}
	return fmt.Errorf("%w: the kind of %+q is Raw, and this package writes JSON documents alone: store it with CreateSecret or PutSecretValue and the tag TenantId",
		tenantsecrets.ErrInvalidOption, kind.Path)
}
