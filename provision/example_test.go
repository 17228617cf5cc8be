package provision_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// open is a client and a provisioner of one Secrets Manager.
func open() (*tenantsecrets.Client, *provision.Provisioner) {
	api := secretstest.New() // in production: secretsmanager.NewFromConfig(cfg)
	client, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	p, err := provision.New(client, api)
	if err != nil {
		log.Fatal(err)
	}
	return client, p
}

func ExampleCreate() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	shop := tenantsecrets.DestinationAPIKey("webhook1")
	key := tenantsecrets.APIKey{Key: tenantsecrets.NewValue("sk_live_51H8"), Scheme: "Bearer"}
	_, err := provision.Create(ctx, p, "t_abc123", shop, key, func(o *tenantsecrets.CreateOptions) {
		o.IdempotencyKey = "connect 42" // a repeated call is the same secret
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = provision.Create(ctx, p, "t_abc123", shop, key)
	fmt.Println("another:", errors.Is(err, tenantsecrets.ErrExists))

	got, err := tenantsecrets.Get(ctx, client, "t_abc123", shop)
	fmt.Println(got.Header, got.Scheme, got.Key, err)
	// Output:
	// another: true
	// Authorization Bearer [redacted] <nil>
}

// A refresh token is replaced by the one who has used it. Who was too late takes the one
// that is stored.
func ExamplePut() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	crm := tenantsecrets.OAuthToken("crm")
	_, err := provision.Create(ctx, p, "t_abc123", crm, tenantsecrets.OAuth{
		GrantType: "refresh_token", TokenURL: "https://login.example.com/oauth2/token", ClientID: "formbridge",
		RefreshToken: tenantsecrets.NewValue("first"),
	})
	if err != nil {
		log.Fatal(err)
	}

	entry, err := provision.Read(ctx, p, "t_abc123", crm)
	if err != nil {
		log.Fatal(err)
	}
	late := entry.Value // of another process, which does the same at the same time
	entry.Value.RefreshToken = tenantsecrets.NewValue("second")
	entry.Value.Generation++
	_, err = provision.Put(ctx, p, "t_abc123", crm, entry.VersionID, entry.Value)
	fmt.Println("put:", err)

	late.RefreshToken = tenantsecrets.NewValue("another")
	_, err = provision.Put(ctx, p, "t_abc123", crm, entry.VersionID, late)
	fmt.Println("too late:", errors.Is(err, provision.ErrConflict))

	got, err := tenantsecrets.Get(ctx, client, "t_abc123", crm)
	fmt.Println("generation", got.Generation, err)
	// Output:
	// put: <nil>
	// too late: true
	// generation 1 <nil>
}

func ExampleRead() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	main := tenantsecrets.Database("main")
	_, err := provision.Create(ctx, p, "t_abc123", main, tenantsecrets.DatabaseCredentials{
		Engine: "postgres", Host: "db.example.com", Username: "app", Password: tenantsecrets.NewValue("first"), Port: 5432,
	})
	if err != nil {
		log.Fatal(err)
	}
	entry, err := provision.Read(ctx, p, "t_abc123", main)
	if err != nil {
		log.Fatal(err)
	}
	entry.Value.Password = tenantsecrets.NewValue("second")
	id, err := provision.Put(ctx, p, "t_abc123", main, entry.VersionID, entry.Value)
	fmt.Println("changed:", id != entry.VersionID, err)
	// Output: changed: true <nil>
}

// A new encryption key stands beside the primary until every process has seen it.
func ExampleNewDataKey() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	first := provision.NewDataKey()
	base, err := provision.Create(ctx, p, tenantsecrets.Global, tenantsecrets.EncryptionKey(),
		tenantsecrets.Keyset{Primary: first.KID, Keys: []tenantsecrets.DataKey{first}})
	if err != nil {
		log.Fatal(err)
	}
	next := provision.NewDataKey()
	base, err = provision.Put(ctx, p, tenantsecrets.Global, tenantsecrets.EncryptionKey(), base,
		tenantsecrets.Keyset{Primary: first.KID, Keys: []tenantsecrets.DataKey{next, first}})
	if err != nil {
		log.Fatal(err)
	}
	// MaxStale later:
	first.Status = tenantsecrets.KeyDecryptOnly
	_, err = provision.Put(ctx, p, tenantsecrets.Global, tenantsecrets.EncryptionKey(), base,
		tenantsecrets.Keyset{Primary: next.KID, Keys: []tenantsecrets.DataKey{next, first}})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := tenantsecrets.Get(ctx, client, tenantsecrets.Global, tenantsecrets.EncryptionKey())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("encrypts with the new one:", keys.Primary == next.KID)
	for _, key := range keys.Keys {
		fmt.Println(key.Status, key.Material)
	}
	// Output:
	// encrypts with the new one: true
	// enabled [redacted]
	// decrypt_only [redacted]
}

func ExampleProvisioner_CreateHMACKey() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	if _, err := p.CreateHMACKey(ctx, "t_abc123", "webhook1"); err != nil {
		log.Fatal(err)
	}
	keys, err := tenantsecrets.Get(ctx, client, "t_abc123", tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		log.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, []byte(`{"event":"paid"}`))
	fmt.Println(len(signature), "hex digits,", err)
	// Output: 64 hex digits, <nil>
}

func ExampleProvisioner_Destinations() {
	ctx := context.Background()
	client, p := open()
	defer client.Close()

	for _, destination := range []string{"webhook2", "webhook1"} {
		if _, err := p.CreateHMACKey(ctx, "t_abc123", destination); err != nil {
			log.Fatal(err)
		}
	}
	key := tenantsecrets.APIKey{Key: tenantsecrets.NewValue("sk_live_51H8")}
	if _, err := provision.Create(ctx, p, "t_abc123", tenantsecrets.DestinationAPIKey("webhook1"), key); err != nil {
		log.Fatal(err)
	}
	list, err := p.Destinations(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range list {
		fmt.Println(d.Name, d.SecretTypes)
	}
	// Output:
	// webhook1 [api_key hmac_key]
	// webhook2 [hmac_key]
}
