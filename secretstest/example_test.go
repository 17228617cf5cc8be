package secretstest_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

func Example() {
	ctx := context.Background()
	b := secretstest.New()
	_, err := b.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("prod/app/key"), SecretString: aws.String(token())})
	fmt.Println("created:", err == nil)

	out, err := b.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("prod/app/key")})
	fmt.Println("described:", *out.Name, err == nil)

	for _, call := range b.Calls() {
		fmt.Println(call.Operation, call.SecretID)
	}
	// Output:
	// created: true
	// described: prod/app/key true
	// CreateSecret prod/app/key
	// DescribeSecret prod/app/key
}

func ExampleBackend_Handler() {
	ctx := context.Background()
	b := secretstest.New()
	server := httptest.NewServer(b.Handler())
	defer server.Close()

	// The service under test may as well run in another process, with
	// AWS_ENDPOINT_URL_SECRETS_MANAGER set to server.URL.
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", token(), ""),
		HTTPClient:   server.Client(),
	})
	_, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("prod/app/key"), SecretString: aws.String(token())})
	fmt.Println("created over HTTP:", err == nil)
	_, err = b.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("prod/app/key")})
	fmt.Println("read in process:", err == nil)
	// Output:
	// created over HTTP: true
	// read in process: true
}

func ExampleBackend_Inject() {
	ctx := context.Background()
	b := secretstest.New()
	remove := b.Inject(secretstest.Fault{Operation: "GetSecretValue", Times: 1, Err: secretstest.Throttling()})
	defer remove()

	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String("prod/app/key")}
	for range 2 {
		_, err := b.GetSecretValue(ctx, in)
		fmt.Println(codeOf(err))
	}
	// Output:
	// ThrottlingException
	// ResourceNotFoundException
}
