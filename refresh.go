package tenantsecrets

import (
	"context"
	"slices"
)

// Refresh reads a tenant's HMAC secret again, however fresh it is, and returns it:
// for one who has heard that it was changed. Where no answer comes the error is
// ErrUnavailable and what is held stays; until the next load may begin, see
// [Options], the error is the last one's. A definite no that is remembered does not
// keep it from asking. It costs a load, and counts against the budget of unknown ids
// as any other. The error is an *Error.
func (c *Client) Refresh(ctx context.Context, tenant string) (*TenantSecret, error) {
	o := c.begin(ctx, "Refresh", tenant, hmacPath)
	i, err := c.refresh(ctx, tenant)
	return tenantSecretOf(&o, i, err)
}

func (c *Client) refresh(ctx context.Context, tenant string) (*cacheItem, error) {
	e, err := c.tenantEntry(tenant)
	if err != nil {
		return nil, err
	}
	return c.cache().Refresh(ctx, e)
}

// Invalidate forgets what is held of a tenant, or of the [Global] space: its HMAC
// secret and every other kind, or those alone whose paths are named. The next call for
// one loads it, or fails; a load that is under way is not stored. It is for one who must not serve what there was, such
// as a leaked key: in an outage the tenant is refused until Secrets Manager
// answers. To pick up a change use [Client.Refresh]. It looks at that tenant's secrets
// alone. The error, an *Error, is
// ErrInvalidTenant or ErrClosed.
func (c *Client) Invalidate(tenant string, paths ...string) error {
	o := c.begin(context.Background(), "Invalidate", tenant, "")
	return o.end(nil, c.invalidate(tenant, paths))
}

func (c *Client) invalidate(tenant string, paths []string) error {
	if tenant != Global {
		if err := ValidateTenant(tenant); err != nil {
			return err
		}
	}
	k := c.cache()
	if k.Closed() {
		return ErrClosed
	}
	for _, e := range k.Of(tenant) {
		if len(paths) == 0 || slices.Contains(paths, e.Subject.kind.path) {
			k.Invalidate(e)
		}
	}
	return nil
}
