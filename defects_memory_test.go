package tenantsecrets_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// naiveReadAll reads many tenants' secrets, some of which are not there.
func naiveReadAll(t *testing.T, cache *secretcache.Cache, ids []string) {
	t.Helper()
	for _, id := range ids {
		_, _ = cache.GetSecretStringWithContext(t.Context(), "prod/formbridge/"+id+"/hmac_key")
	}
}

func unknownIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("u_%d", i)
	}
	return ids
}

// Ids that do not exist take the places of those that do.
func TestDefect9UnknownIDsEvict(t *testing.T) {
	const tenants = 100
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b, func(c *secretcache.Cache) { c.MaxCacheSize = tenants })
		ids := storeTenants(t, b, tenants)
		naiveReadAll(t, cache, ids)
		naiveReadAll(t, cache, unknownIDs(2*tenants))
		b.ClearCalls()
		naiveReadAll(t, cache, ids)
		if n := len(b.Calls()); n != 2*tenants {
			t.Errorf("%d calls for %d tenants, want all to be evicted", n, tenants)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ids := storeTenants(t, b, tenants)
		readAll(t, c, ids)
		for _, id := range unknownIDs(2 * tenants) {
			_, err := c.TenantSecret(t.Context(), id)
			checkIs(t, err, tenantsecrets.ErrNotFound)
		}
		b.ClearCalls()
		readAll(t, c, ids)
		checkOperations(t, b)
	})
}

// The size is 1024 unless it is set, and a scan of more misses every time.
func TestDefect11SizeThatIsNotSaid(t *testing.T) {
	const tenants, scans = 1100, 3
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		cache := naiveCache(t, b)
		ids := storeTenants(t, b, tenants)
		for range scans {
			naiveReadAll(t, cache, ids)
		}
		if n := len(b.Calls()); n != scans*2*tenants {
			t.Errorf("%d calls for %d scans of %d tenants, want no hit at all", n, scans, tenants)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c := newClient(t, b)
		ids := storeTenants(t, b, tenants)
		for range scans {
			readAll(t, c, ids)
		}
		if n := len(b.Calls()); n != 2*tenants {
			t.Errorf("%d calls for %d tenants", n, tenants)
		}
	})
}

// What is handed out is the cache's own memory.
func TestDefect11SliceThatIsShared(t *testing.T) {
	const name = "prod/formbridge/t_abc123/blob"
	inBubbles(t, func(t *testing.T, b *secretstest.Backend) {
		_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretBinary: []byte{1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		cache := naiveCache(t, b)
		first, err := cache.GetSecretBinary(name)
		if err != nil {
			t.Fatal(err)
		}
		first[0] = 0xff
		second, err := cache.GetSecretBinary(name)
		if err != nil || second[0] != 0xff {
			t.Errorf("got %v, %v, want what the first reader wrote", second, err)
		}
	}, func(t *testing.T, b *secretstest.Backend) {
		c, s := warm(t, b)
		tags, err := s.Keys().MACs(message)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(tags[0])
		clear(tags[0])
		again, err := tenantSecret(t, c).Keys().MACs(message)
		if err != nil || !slices.Equal(again[0], want) {
			t.Errorf("another tag after the first was overwritten, %v", err)
		}
	})
}
