package tenantsecrets_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// What Options returns makes a client that works alike.
func TestOptionsAreThoseTheClientWorksWith(t *testing.T) {
	for name, given := range map[string]tenantsecrets.Options{
		"defaults":    {},
		"set":         {TTL: time.Minute, MaxStale: 2 * time.Hour, Capacity: 7, ValuesOnly: true, Account: "123456789012"},
		"off":         {TTL: -1, MaxStale: -1, StaleWait: -1, NegativeTTL: -1, LoadTimeout: -1, MaxLoads: -1, UnknownIDs: -1},
		"no MaxStale": {TTL: time.Minute, MaxStale: -1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, secretstest.New(), func(o *tenantsecrets.Options) { *o = given })
			again := newClient(t, secretstest.New(), func(o *tenantsecrets.Options) { *o = c.Options() })
			ignored := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Logger" || p.String() == "Now" || p.String() == "Observe" }, cmp.Ignore())
			if diff := cmp.Diff(c.Options(), again.Options(), ignored); diff != "" {
				t.Errorf("another client came of it:\n%s", diff)
			}
			if o := c.Options(); given.TTL > 0 && o.TTL != given.TTL || o.TTL == 0 || o.LoadTimeout == 0 || o.MaxLoads == 0 {
				t.Errorf("options %+v are not what works", o)
			}
		})
	}
}
