package tenantsecrets

import (
	"context"
	"errors"
	"slices"
)

// Refresh reads a tenant's HMAC secret again, however fresh it is, and returns it:
// for one who has heard that it was changed. Where no answer comes the error is
// ErrUnavailable and what is held stays; until the next load may begin, see
// [Options], the error is the last one's. A definite no that is remembered does not
// keep it from asking. It costs a load, and counts against the budget of unknown ids
// as any other. The error is an *Error.
func (c *Client) Refresh(ctx context.Context, tenant string) (*TenantSecret, error) {
	began := c.cache().beganAt()
	s, err := c.refresh(ctx, tenant)
	if err != nil {
		return nil, c.end(ctx, "Refresh", tenant, hmacPath, began, nil, err)
	}
	_ = c.end(ctx, "Refresh", tenant, hmacPath, began, s, nil)
	return s.value.(*TenantSecret), nil
}

func (c *Client) refresh(ctx context.Context, tenant string) (*snapshot, error) {
	cache := c.cache()
	e, err := c.newEntry(tenant, tenantSecretKind)
	if err != nil {
		return nil, err
	}
	if cache.ctx.Err() != nil {
		return nil, ErrClosed
	}
	number := e.number.Load()
	if e.loading() { // it may have read what was there before the change
		if _, err := cache.join(ctx, e, wanted, noLimit); errors.Is(err, ErrClosed) {
			return nil, err
		}
		if ctx.Err() != nil { // also where that load has just succeeded: it proves nothing here
			return nil, abandoned(ctx)
		}
	}
	e.mu.Lock()
	e.reconsider()
	e.mu.Unlock()
	return cache.loadAfter(ctx, e, number)
}

// Invalidate forgets what is held of a tenant, or of the [Global] space: its HMAC
// secret and every other kind, or those alone whose paths are named. The next call for
// one loads it, or fails; a load that is under way is not stored. It is for one who must not serve what there was, such
// as a leaked key: in an outage the tenant is refused until Secrets Manager
// answers. To pick up a change use [Client.Refresh]. It looks at that tenant's secrets
// alone. The error, an *Error, is
// ErrInvalidTenant or ErrClosed.
func (c *Client) Invalidate(tenant string, paths ...string) error {
	began := c.cache().beganAt()
	return c.end(context.Background(), "Invalidate", tenant, "", began, nil, c.invalidate(tenant, paths))
}

func (c *Client) invalidate(tenant string, paths []string) error {
	if tenant != Global {
		if err := ValidateTenant(tenant); err != nil {
			return err
		}
	}
	cache := c.cache()
	if cache.ctx.Err() != nil {
		return ErrClosed
	}
	for _, e := range cache.table.of(tenant) {
		if len(paths) == 0 || slices.Contains(paths, e.kind.path) {
			cache.invalidate(e)
		}
	}
	return nil
}

// invalidate keeps the pause after a load without an answer: what is invalidated
// often, as events do, is not loaded more often for it.
func (c *cache) invalidate(e *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.void(e)
	e.hold(c.table, nil)
	e.reconsider()
}

// reconsider forgets a definite no. Its caller holds e.mu.
func (e *entry) reconsider() {
	if e.failure != nil && e.failure.Definite {
		e.forgive()
	}
}
