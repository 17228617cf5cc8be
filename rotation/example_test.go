package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A rotation in the middle of the day: the new key is published at once, and signs when
// every process has read it.
func ExampleRotator_Rotate() {
	ctx := context.Background()
	api := secretstest.New() // in production: secretsmanager.NewFromConfig(cfg)
	client, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.CreateTenant(ctx, "t_abc123"); err != nil {
		log.Fatal(err)
	}

	rotator, err := rotation.New(client, api)
	if err != nil {
		log.Fatal(err)
	}
	result, err := rotator.Rotate(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	newest, replaced := result.Keys[0], result.Keys[1]
	fmt.Println("outcome:", result.Outcome)
	fmt.Println("the new key signs in", time.Until(newest.SignAfter).Round(time.Minute))
	fmt.Println("the old key is accepted for", time.Until(replaced.NotAfter).Round(time.Minute))

	// A job that runs every night rotates what is older than a month.
	result, err = rotator.Rotate(ctx, "t_abc123", func(o *rotation.RotateOptions) { o.OlderThan = 30 * 24 * time.Hour })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("outcome:", result.Outcome)
	// Output:
	// outcome: done
	// the new key signs in 1h5m0s
	// the old key is accepted for 25h5m0s
	// outcome: too young
}

// exampleService is a rotator with tenants, made as in the example of Rotate.
func exampleService(ctx context.Context, tenants ...string) (*tenantsecrets.Client, *rotation.Rotator) {
	api := secretstest.New()
	client, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	for _, tenant := range tenants {
		if _, err := client.CreateTenant(ctx, tenant); err != nil {
			log.Fatal(err)
		}
	}
	rotator, err := rotation.New(client, api)
	if err != nil {
		log.Fatal(err)
	}
	return client, rotator
}

// All tenants of the service, at forty writes a second. A run that was interrupted is
// resumed by running it again.
func ExampleRotator_RotateAll() {
	ctx := context.Background()
	client, rotator := exampleService(ctx, "t_abc123", "t_abc124", "t_abc125")
	defer client.Close()

	done := 0
	options := func(o *rotation.RotateAllOptions) {
		o.OlderThan = time.Nanosecond // of these tenants every key; by default those that have begun to sign
		o.WritesPerSecond = 40
		o.Progress = func(tenant string, _ rotation.Result, err error) {
			done++
			if err != nil {
				fmt.Println(tenant, "failed:", err)
			}
		}
	}
	summary, err := rotator.RotateAll(ctx, nil, options)
	fmt.Printf("%d of %d rotated, error %v\n", summary.Rotated, done, err)

	// The next one finds nothing to do, as its keys are too young.
	summary, err = rotator.RotateAll(ctx, nil)
	fmt.Printf("%d rotated, %d too young, error %v\n", summary.Rotated, summary.TooYoung, err)
	// Output:
	// 3 of 3 rotated, error <nil>
	// 0 rotated, 3 too young, error <nil>
}

// The key has leaked: what is signed with it is refused from now on, by this process at
// once and by every other within TTL.
func ExampleRotator_Revoke() {
	ctx := context.Background()
	client, rotator := exampleService(ctx, "t_abc123")
	defer client.Close()
	secret, err := client.TenantSecret(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	webhook := []byte(`{"event":"paid"}`)
	forged, err := tenantsecrets.SignHMAC(secret.Keys(), webhook)
	if err != nil {
		log.Fatal(err)
	}

	// Which key it is, a signature tells: Keyring.Match returns its kid. Where nobody
	// knows, RevokeAll ends them all.
	leaked := secret.VersionID() // of a secret that was never rotated
	result, err := rotator.Revoke(ctx, "t_abc123", leaked)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("outcome:", result.Outcome)
	fmt.Println("live keys:", len(result.Keys), "- signs at once:", result.Keys[0].SignAfter.IsZero())
	err = client.VerifyHMAC(ctx, "t_abc123", webhook, forged)
	fmt.Println("refused:", errors.Is(err, tenantsecrets.ErrSignature))

	// An answer may be lost, so that nobody knows whether it is done: ask again.
	result, err = rotator.Revoke(ctx, "t_abc123", leaked)
	fmt.Println("outcome:", result.Outcome, err)
	_, err = rotator.Rollback(ctx, "t_abc123", leaked)
	fmt.Println("never comes back:", errors.Is(err, rotation.ErrRevoked))
	// Output:
	// outcome: done
	// live keys: 1 - signs at once: true
	// refused: true
	// outcome: already done <nil>
	// never comes back: true
}

// A customer could not take over the new key in time: the old one signs again, and the
// new one is still accepted.
func ExampleRotator_Rollback() {
	ctx := context.Background()
	client, rotator := exampleService(ctx, "t_abc123")
	defer client.Close()

	rotated, err := rotator.Rotate(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	older := rotated.Keys[1].KID // or one that Versions shows
	result, err := rotator.Rollback(ctx, "t_abc123", older)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("outcome:", result.Outcome)
	fmt.Println("on top is the older key:", result.Keys[0].KID == older)
	fmt.Println("and below it the newer:", result.Keys[1].KID == rotated.VersionID)
	// Output:
	// outcome: done
	// on top is the older key: true
	// and below it the newer: true
}

// What there is of a secret, without a key in it.
func ExampleRotator_Versions() {
	ctx := context.Background()
	client, rotator := exampleService(ctx, "t_abc123")
	defer client.Close()
	for range 2 {
		if _, err := rotator.Rotate(ctx, "t_abc123"); err != nil {
			log.Fatal(err)
		}
	}

	versions, err := rotator.Versions(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range versions {
		if v.Err != nil {
			fmt.Println(v.ID, "cannot be used:", v.Err)
			continue
		}
		fmt.Println(v.Stages, len(v.Keys), "keys, made its newest itself:", v.Keys[0].KID == v.ID)
	}
	// Unordered output:
	// [AWSCURRENT] 3 keys, made its newest itself: true
	// [AWSPREVIOUS] 2 keys, made its newest itself: true
	// [] 1 keys, made its newest itself: true
}
