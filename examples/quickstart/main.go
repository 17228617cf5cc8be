// Quickstart creates a tenant's secret, reads it, signs and verifies with it, and
// shows how few calls that takes.
//
//	go run ./examples/quickstart         on a Secrets Manager in memory
//	go run ./examples/quickstart -aws    on AWS, or on what AWS_ENDPOINT_URL names
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func main() {
	onAWS := flag.Bool("aws", false, "use the AWS configuration of the environment")
	tenant := flag.String("tenant", "t_abc123", "tenant to create")
	flag.Parse()

	ctx := context.Background()
	api, err := connect(ctx, *onAWS)
	if err == nil {
		err = run(ctx, os.Stdout, api, *tenant)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func connect(ctx context.Context, onAWS bool) (tenantsecrets.API, error) {
	if !onAWS {
		return secretstest.New(), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(cfg), nil
}

func run(ctx context.Context, out io.Writer, api tenantsecrets.API, tenant string) error {
	calls := &counter{API: api, made: map[string]int{}}
	c, err := tenantsecrets.New(calls, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		return err
	}
	defer c.Close()

	// With an idempotency key a second run finds what the first one created.
	created, err := c.CreateTenant(ctx, tenant, func(o *tenantsecrets.CreateOptions) {
		o.IdempotencyKey = "quickstart"
	})
	if err != nil {
		return err
	}
	tags, err := tagsOf(ctx, api, created.Name())
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "name     ", created.Name())
	fmt.Fprintln(out, "tags     ", tags)
	fmt.Fprintln(out, "secret   ", created.Secret())

	// The sender signs, the service verifies: a thousand times, from memory.
	body := []byte(`{"event":"form.submitted","id":42}`)
	for range 1000 {
		s, err := c.TenantSecret(ctx, tenant)
		if err != nil {
			return err
		}
		signature, err := tenantsecrets.SignHMAC(s.Keys(), body)
		if err != nil {
			return err
		}
		if err := c.VerifyHMAC(ctx, tenant, body, signature); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "verified  1000 webhooks")
	fmt.Fprintln(out, "calls    ", calls)

	// A signature that no key made: one look for a newer key, then no.
	forged := strings.Repeat("0", 64)
	fmt.Fprintln(out, "forged   ", c.VerifyHMAC(ctx, tenant, body, forged))
	fmt.Fprintln(out, "calls    ", calls)
	return nil
}

func tagsOf(ctx context.Context, api tenantsecrets.API, name string) (string, error) {
	d, err := api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	var tags []string
	for _, tag := range d.Tags {
		tags = append(tags, aws.ToString(tag.Key)+"="+aws.ToString(tag.Value))
	}
	slices.Sort(tags)
	return strings.Join(tags, " "), nil
}

// counter counts the calls that the library makes. Only one goroutine calls here.
type counter struct {
	tenantsecrets.API
	made map[string]int
}

func (c *counter) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	c.made["CreateSecret"]++
	return c.API.CreateSecret(ctx, in, optFns...)
}

func (c *counter) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	c.made["DescribeSecret"]++
	return c.API.DescribeSecret(ctx, in, optFns...)
}

func (c *counter) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	c.made["GetSecretValue"]++
	return c.API.GetSecretValue(ctx, in, optFns...)
}

func (c *counter) String() string {
	var counts []string
	for _, operation := range slices.Sorted(maps.Keys(c.made)) {
		counts = append(counts, fmt.Sprintf("%s %d", operation, c.made[operation]))
	}
	return strings.Join(counts, ", ")
}
