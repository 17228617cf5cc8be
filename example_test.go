package tenantsecrets_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func ExampleNew() {
	api := secretstest.New() // in production: secretsmanager.NewFromConfig(cfg)
	c, err := tenantsecrets.New(api,
		tenantsecrets.Naming{Environment: "prod", Service: "formbridge"},
		func(o *tenantsecrets.Options) { o.Region = "us-east-1" })
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	fmt.Println(c, "has made", len(api.Calls()), "calls")
	// Output: Client(prod/formbridge) has made 0 calls
}

func ExampleClient_CreateTenant() {
	c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	s, err := c.CreateTenant(ctx, "t_abc123", func(o *tenantsecrets.CreateOptions) {
		o.IdempotencyKey = "signup 42" // a repeated signup gets the same secret
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Name())
	fmt.Println("hand to the tenant:", len(s.Secret().Reveal()), "characters; printed:", s.Secret())

	_, err = c.CreateTenant(ctx, "t_abc123")
	fmt.Println("another signup:", errors.Is(err, tenantsecrets.ErrExists))
	// Output:
	// prod/formbridge/t_abc123/hmac_key
	// hand to the tenant: 43 characters; printed: [redacted]
	// another signup: true
}

func ExampleClient_TenantSecret() {
	api := secretstest.New()
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	if _, err := c.CreateTenant(ctx, "t_abc123"); err != nil {
		log.Fatal(err)
	}
	for range 1000 {
		s, err := c.TenantSecret(ctx, "t_abc123") // ask per request, do not keep it
		if err != nil {
			log.Fatal(err)
		}
		if _, err := tenantsecrets.SignHMAC(s.Keys(), []byte(`{"event":"paid"}`)); err != nil {
			log.Fatal(err)
		}
	}
	for _, call := range api.Calls() {
		fmt.Println(call.Operation)
	}
	// Output: CreateSecret
}

func ExampleClient_VerifyHMAC() {
	c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	s, err := c.CreateTenant(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	body := []byte(`{"event":"paid"}`)
	signature, err := tenantsecrets.SignHMAC(s.Keys(), body) // what the tenant's program does
	if err != nil {
		log.Fatal(err)
	}

	status := func(err error) int {
		switch {
		case err == nil:
			return http.StatusOK
		case errors.Is(err, tenantsecrets.ErrSignature):
			return http.StatusUnauthorized
		}
		return http.StatusServiceUnavailable // the sender tries again
	}
	fmt.Println("sent:", status(c.VerifyHMAC(ctx, "t_abc123", body, signature)))
	fmt.Println("forged:", status(c.VerifyHMAC(ctx, "t_abc123", []byte(`{"event":"refunded"}`), signature)))
	fmt.Println("nobody:", status(c.VerifyHMAC(ctx, "t_xyz789", body, signature)))
	// Output:
	// sent: 200
	// forged: 401
	// nobody: 401
}

// A signature scheme of one's own: v1 is the tag of "timestamp.body".
func ExampleClient_Verify() {
	c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	s, err := c.CreateTenant(ctx, "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	timestamp, body := "1767323045", `{"event":"paid"}`
	v1, err := tenantsecrets.SignHMAC(s.Keys(), []byte(timestamp+"."+body))
	if err != nil {
		log.Fatal(err)
	}

	err = c.Verify(ctx, "t_abc123", func(keys tenantsecrets.Keyring) error {
		tag, err := hex.DecodeString(v1)
		if err != nil {
			return tenantsecrets.ErrSignature // malformed: nothing newer would help
		}
		_, _, err = keys.Match([][]byte{tag}, []byte(timestamp), []byte("."), []byte(body))
		return err
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleSignHMAC() {
	key := tenantsecrets.NewValue(strings.Repeat("\x0b", 20)) // RFC 4231, test case 1
	keys, err := tenantsecrets.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, []byte("Hi There"))
	fmt.Println(signature, err)
	// Output: b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7 <nil>
}

func ExampleVerifyHMAC() {
	key := tenantsecrets.NewValue(strings.Repeat("\x0b", 20)) // RFC 4231, test case 1
	keys, err := tenantsecrets.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	for _, signature := range []string{
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"sha256=b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c=",
		"B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7",
		"b0344c61",
	} {
		fmt.Println(tenantsecrets.VerifyHMAC(keys, []byte("Hi There"), signature))
	}
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// the signature is not valid
	// the signature is not valid
}

func ExampleKeyring_SignHMAC() {
	key := tenantsecrets.NewValue(strings.Repeat("\x0b", 20)) // RFC 4231, test case 1
	keys, err := tenantsecrets.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.SignHMAC([]byte("Hi There")))
	// Output: b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7 <nil>
}

// A signature of a key that this keyring does not have is refused at once. In a server
// Client.VerifyHMAC would look for newer keys first.
func ExampleKeyring_VerifyHMAC() {
	newer, older := tenantsecrets.NewValue(rand.Text()), tenantsecrets.NewValue(rand.Text())
	rotated, err := tenantsecrets.NewKeyring(newer, older)
	if err != nil {
		log.Fatal(err)
	}
	before, err := tenantsecrets.NewKeyring(older)
	if err != nil {
		log.Fatal(err)
	}
	body := []byte(`{"event":"paid"}`)
	signature, err := rotated.SignHMAC(body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rotated.VerifyHMAC(body, signature))
	fmt.Println(before.VerifyHMAC(body, signature))
	// Output:
	// <nil>
	// the signature is not valid: no live key made it
}

func ExampleKeyring_MACs() {
	newer, older := tenantsecrets.NewValue(rand.Text()), tenantsecrets.NewValue(rand.Text())
	keys, err := tenantsecrets.NewKeyring(newer, older)
	if err != nil {
		log.Fatal(err)
	}
	tags, err := keys.MACs([]byte("1772366400."), []byte(`{"event":"paid"}`))
	fmt.Println(len(tags), "tags of", len(tags[0]), "bytes,", err)
	// Output: 2 tags of 32 bytes, <nil>
}

func ExampleGet() {
	ctx := context.Background()
	api := secretstest.New()
	_, err := api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:         aws.String("prod/formbridge/t_abc123/destinations/webhook1/api_key"),
		SecretString: aws.String(`{"api_key":"` + rand.Text() + `","scheme":"Bearer","tenant_id":"t_abc123"}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	k, err := tenantsecrets.Get(ctx, c, "t_abc123", tenantsecrets.DestinationAPIKey("webhook1"))
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://example.com/hook", http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set(k.Header, k.Scheme+" "+k.Key.Reveal())
	fmt.Println(k.Header+":", k.Scheme, k.Key)
	// Output: Authorization: Bearer [redacted]
}

func ExampleDestinationHMACKey() {
	ctx := context.Background()
	api := secretstest.New()
	_, err := api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String("prod/formbridge/t_abc123/destinations/webhook1/hmac_key"),
		SecretString: aws.String(`{"shared_secret":"` + rand.Text() + `","created_at":"2026-01-02T03:04:05Z",` +
			`"tenant_id":"t_abc123","version":"1.0"}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// What goes out is signed with the destination's key.
	keys, err := tenantsecrets.Get(ctx, c, "t_abc123", tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		log.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, []byte(`{"event":"paid"}`))
	fmt.Println(len(signature), "digits,", err)
	// Output: 64 digits, <nil>
}

func ExampleTenantSecret() {
	c, err := tenantsecrets.New(secretstest.New(), tenantsecrets.Naming{Environment: "prod", Service: "formbridge"},
		func(o *tenantsecrets.Options) { o.UnknownIDs = 10 }) // few strangers are expected here
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	s, err := c.CreateTenant(context.Background(), "t_abc123")
	if err != nil {
		log.Fatal(err)
	}
	// For an inventory: which version, and how old its newest key is.
	fmt.Println(len(s.VersionID()), "characters,", time.Since(s.CreatedAt()) < time.Minute)
	// For a tenant who verifies with a Standard Webhooks library:
	fmt.Println(s.WebhookSecret().Reveal()[:len("whsec_")])
	// Output:
	// 36 characters, true
	// whsec_
}

// DatabaseLogin is a kind of the service's own.
type DatabaseLogin struct {
	User     string              `json:"user"`
	Password tenantsecrets.Value `json:"password"`
}

var databaseLogin = tenantsecrets.Kind[DatabaseLogin]{
	Path: "database/login",
	Decode: func(stored []byte) (login DatabaseLogin, err error) {
		return login, json.Unmarshal(stored, &login)
	},
}

func ExampleKind() {
	ctx := context.Background()
	api := secretstest.New()
	_, err := api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:         aws.String("prod/formbridge/t_abc123/database/login"),
		SecretString: aws.String(`{"user":"reports","password":"` + rand.Text() + `","tenant_id":"t_abc123"}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	c, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	login, err := tenantsecrets.Get(ctx, c, "t_abc123", databaseLogin)
	fmt.Printf("%+v %v\n", login, err)
	// Output: {User:reports Password:[redacted]} <nil>
}

// While a key is being replaced both verify, and the first one signs.
func ExampleNewKeyring() {
	newer, older := tenantsecrets.NewValue(rand.Text()), tenantsecrets.NewValue(rand.Text())
	keys, err := tenantsecrets.NewKeyring(newer, older)
	if err != nil {
		log.Fatal(err)
	}
	tags, err := keys.MACs([]byte("message"))
	fmt.Println(keys, len(tags), err)

	_, err = tenantsecrets.NewKeyring(tenantsecrets.NewValue("too short"))
	fmt.Println(errors.Is(err, tenantsecrets.ErrInvalidKey))
	// Output:
	// [redacted] 2 <nil>
	// true
}

func ExampleKeyring_Match() {
	newer, older := tenantsecrets.NewValue(rand.Text()), tenantsecrets.NewValue(rand.Text())
	sender, err := tenantsecrets.NewKeyring(older)
	if err != nil {
		log.Fatal(err)
	}
	tags, err := sender.MACs([]byte("message"))
	if err != nil {
		log.Fatal(err)
	}

	keys, err := tenantsecrets.NewKeyring(newer, older)
	if err != nil {
		log.Fatal(err)
	}
	kid, newest, err := keys.Match(tags, []byte("mess"), []byte("age"))
	fmt.Println("key", kid, "made it, the newest:", newest, err)
	_, _, err = keys.Match(tags, []byte("another message"))
	fmt.Println(err)
	// Output:
	// key 1 made it, the newest: false <nil>
	// the signature is not valid: no live key made it
}

func ExampleNaming_Build() {
	naming := tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	fmt.Println(naming.Build("t_abc123", "hmac_key"))
	fmt.Println(naming.Build("t_abc123", "destinations/webhook1/api_key"))
	fmt.Println(naming.Build(tenantsecrets.Global, "encryption_key"))
	_, err := naming.Build("../t_abc123", "hmac_key")
	fmt.Println(errors.Is(err, tenantsecrets.ErrInvalidTenant))
	// Output:
	// prod/formbridge/t_abc123/hmac_key <nil>
	// prod/formbridge/t_abc123/destinations/webhook1/api_key <nil>
	// prod/formbridge/global/encryption_key <nil>
	// true
}

func ExampleNaming_Parse() {
	naming := tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	fmt.Println(naming.Parse("prod/formbridge/t_abc123/destinations/webhook1/api_key"))
	_, _, err := naming.Parse("test/formbridge/t_abc123/hmac_key")
	fmt.Println(errors.Is(err, tenantsecrets.ErrInvalidName))
	// Output:
	// t_abc123 destinations/webhook1/api_key <nil>
	// true
}

func ExampleValue() {
	password := tenantsecrets.NewValue(rand.Text())
	config := struct {
		User     string
		Password tenantsecrets.Value
	}{"reports", password}

	fmt.Printf("%v, %+v, %q\n", config, config, password)
	text, err := json.Marshal(config)
	fmt.Println(string(text), err)
	fmt.Println(len(password.Reveal()), password.Equal(tenantsecrets.NewValue(rand.Text())))
	// Output:
	// {reports [redacted]}, {User:reports Password:[redacted]}, [redacted]
	// {"User":"reports","Password":"[redacted]"} <nil>
	// 26 false
}

// A router refuses what is no tenant ID before it does anything else with it.
func ExampleValidateTenant() {
	for _, id := range []string{"t_abc123", "../t_abc123", "global"} {
		fmt.Println(id, errors.Is(tenantsecrets.ValidateTenant(id), tenantsecrets.ErrInvalidTenant))
	}
	// Output:
	// t_abc123 false
	// ../t_abc123 true
	// global true
}
