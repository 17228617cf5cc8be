package tenantsecrets_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// seeded is a Secrets Manager in which another process has created tenants.
func seeded(tenants ...string) *secretstest.Backend {
	b := secretstest.New()
	c, err := tenantsecrets.New(b, naming)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, tenant := range tenants {
		if _, err := c.CreateTenant(context.Background(), tenant); err != nil {
			log.Fatal(err)
		}
	}
	b.ClearCalls()
	return b
}

func ExampleClient_Prefetch() {
	api := seeded("t_abc123", "t_def456")
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	tenants := []string{"t_abc123", "t_def456", "t_forgotten"}
	err = c.Prefetch(context.Background(), slices.Values(tenants), func(o *tenantsecrets.PrefetchOptions) {
		o.Rate = 10 // calls a second, where many processes start at once
		o.Progress = func(tenant string, err error) {
			if err != nil {
				fmt.Println("not held:", tenant)
			}
		}
	})
	fmt.Println("some are missing:", errors.Is(err, tenantsecrets.ErrNotFound))
	fmt.Println(len(api.Calls()), "call")
	// Output:
	// not held: t_forgotten
	// some are missing: true
	// 1 call
}

func ExampleClient_Refresh() {
	c, err := tenantsecrets.New(seeded("t_abc123"), naming)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// An event says that the tenant's secret was changed.
	s, err := c.Refresh(context.Background(), "t_abc123")
	if err != nil {
		log.Fatal(err) // what was held is served on
	}
	fmt.Println(s.Name())
	// Output: prod/formbridge/t_abc123/hmac_key
}

func ExampleClient_Invalidate() {
	api := seeded("t_abc123")
	c, err := tenantsecrets.New(api, naming)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	if _, err := c.TenantSecret(ctx, "t_abc123"); err != nil {
		log.Fatal(err)
	}
	if err := c.Invalidate("t_abc123"); err != nil { // its key has leaked
		log.Fatal(err)
	}
	defer api.Inject(secretstest.Fault{Err: secretstest.InternalError()})()
	_, err = c.TenantSecret(ctx, "t_abc123")
	fmt.Println("refused until there is an answer:", errors.Is(err, tenantsecrets.ErrUnavailable))
	// Output: refused until there is an answer: true
}

func ExampleClient_Stats() {
	c, err := tenantsecrets.New(seeded("t_abc123"), naming)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	for range 10 {
		if _, err := c.TenantSecret(context.Background(), "t_abc123"); err != nil {
			log.Fatal(err)
		}
	}
	s := c.Stats()
	fmt.Println(s.Hits, "hits,", s.Loads, "load,", s.Calls["DescribeSecret"], "DescribeSecret")
	// Output: 9 hits, 1 load, 1 DescribeSecret
}

func ExampleEvent() {
	c, err := tenantsecrets.New(seeded("t_abc123"), naming, func(o *tenantsecrets.Options) {
		o.Observe = func(_ context.Context, e tenantsecrets.Event) {
			switch e.Kind {
			case tenantsecrets.EventCall:
				fmt.Println("call", e.Op, e.Tenant, e.Err)
			case tenantsecrets.EventLoad:
				fmt.Println("load", e.Name)
			case tenantsecrets.EventRequest:
				fmt.Println("request", e.Op)
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	if _, err := c.TenantSecret(context.Background(), "t_abc123"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// request DescribeSecret
	// request GetSecretValue
	// load prod/formbridge/t_abc123/hmac_key
	// call TenantSecret t_abc123 <nil>
}
