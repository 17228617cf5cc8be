package tenantsecrets_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// holdingSecret is a client of a Secrets Manager that holds one secret, as package provision, a
// rotation function or the console has stored it.
func holdingSecret(name, document string) *tenantsecrets.Client {
	api := secretstest.New()
	_, err := api.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name: aws.String("prod/formbridge/" + name), SecretString: aws.String(document),
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleDestinationAPIKey() {
	c := holdingSecret("t_abc123/destinations/webhook1/api_key",
		`{"api_key": "sk_live_51H8", "scheme": "Bearer", "tenant_id": "t_abc123"}`)
	defer c.Close()

	shop := tenantsecrets.DestinationAPIKey("webhook1") // once, not per request
	key, err := tenantsecrets.Get(context.Background(), c, "t_abc123", shop)
	if err != nil {
		log.Fatal(err)
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://shop.example.com/orders", http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set(key.Header, strings.TrimSpace(key.Scheme+" "+key.Key.Reveal())) // the scheme may be empty
	fmt.Println(r.Header)
	fmt.Println(key.Key)
	// Output:
	// map[Authorization:[Bearer sk_live_51H8]]
	// [redacted]
}

func ExampleOAuthToken() {
	c := holdingSecret("t_abc123/destinations/crm/oauth_token", `{
		"grant_type": "client_credentials", "token_url": "https://login.example.com/oauth2/token",
		"client_id": "formbridge", "client_secret": "s3cr3t", "scopes": "contacts.read deals.write",
		"tenant_id": "t_abc123"}`)
	defer c.Close()

	crm, err := tenantsecrets.Get(context.Background(), c, "t_abc123", tenantsecrets.OAuthToken("crm"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s %q %s\n", crm.TokenURL, crm.ClientID, crm.Scopes, crm.ClientSecret)
	// Output:
	// https://login.example.com/oauth2/token
	// formbridge ["contacts.read" "deals.write"] [redacted]
}

// A document as AWS's rotation functions write it, with the port in a string.
func ExampleDatabase() {
	c := holdingSecret("global/databases/main/credentials", `{
		"engine": "postgres", "host": "db.example.com", "username": "app", "password": "s3cr3t",
		"dbname": "orders", "port": "5432", "ssl": "true", "tenant_id": "global"}`)
	defer c.Close()

	d, err := tenantsecrets.Get(context.Background(), c, tenantsecrets.Global, tenantsecrets.Database("main"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Engine, d.Host, d.Port, d.DBName, d.Username, d.Password)
	fmt.Println("encrypted:", d.SSL != nil && *d.SSL)
	// Output:
	// postgres db.example.com 5432 orders app [redacted]
	// encrypted: true
}

func ExampleEncryptionKey() {
	material := base64.StdEncoding.EncodeToString(make([]byte, 32))
	c := holdingSecret("t_abc123/encryption_key", `{"primary": "k2", "tenant_id": "t_abc123", "keys": [
		{"kid": "k2", "material": "`+material+`", "status": "enabled"},
		{"kid": "k1", "material": "`+material+`", "status": "decrypt_only"},
		{"kid": "k0", "status": "destroyed"}]}`)
	defer c.Close()

	keys, err := tenantsecrets.Get(context.Background(), c, "t_abc123", tenantsecrets.EncryptionKey())
	if err != nil {
		log.Fatal(err)
	}
	key, err := keys.Key(keys.Primary) // to encrypt; store the kid beside the ciphertext
	fmt.Println(key.KID, len(key.Material.Reveal()), "bytes,", err)
	for _, kid := range []string{"k1", "k0"} { // to decrypt
		_, err := keys.Key(kid)
		fmt.Println(kid, "is lost:", errors.Is(err, tenantsecrets.ErrNoKey))
	}
	// Output:
	// k2 32 bytes, <nil>
	// k1 is lost: false
	// k0 is lost: true
}

// A license is a kind of one's own. Its Encode reveals the key: a Value marshals as
// [redacted], which is never stored.
type license struct {
	Key     tenantsecrets.Value `json:"key"`
	Expires time.Time           `json:"expires"`
}

var licenses = tenantsecrets.Kind[license]{
	Path:   "license",
	Decode: func(stored []byte) (l license, err error) { return l, json.Unmarshal(stored, &l) },
	Encode: func(l license) ([]byte, error) {
		return json.Marshal(map[string]any{"key": l.Key.Reveal(), "expires": l.Expires})
	},
}

func ExampleKind_encode() {
	c := holdingSecret("t_abc123/license", `{"key": "AAAA-BBBB", "expires": "2027-01-01T00:00:00Z", "tenant_id": "t_abc123"}`)
	defer c.Close()

	l, err := tenantsecrets.Get(context.Background(), c, "t_abc123", licenses)
	fmt.Println(l.Key, l.Expires.Year(), err)
	// Output: [redacted] 2027 <nil>
}

// What external-secrets' PushSecret has stored: bytes, and the tag TenantId.
func ExampleKind_raw() {
	api := secretstest.New()
	_, err := api.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{
		Name:         aws.String("prod/formbridge/t_abc123/license"),
		SecretBinary: []byte("ACME-1234-5678\n"),
		Tags:         []types.Tag{{Key: aws.String("TenantId"), Value: aws.String("t_abc123")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	license := tenantsecrets.Kind[tenantsecrets.Value]{
		Path: "license",
		Raw:  true,
		Decode: func(stored []byte) (tenantsecrets.Value, error) {
			return tenantsecrets.NewValue(strings.TrimSpace(string(stored))), nil
		},
	}
	key, err := tenantsecrets.Get(context.Background(), c, "t_abc123", license)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key, key.Reveal())
	// Output: [redacted] ACME-1234-5678
}
