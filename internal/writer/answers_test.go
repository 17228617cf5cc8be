package writer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/internal/writer"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// altered changes what a write is answered.
type altered struct {
	*secretstest.Backend
	alter func(*secretsmanager.PutSecretValueOutput)
	puts  int
}

func (a *altered) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	a.puts++
	out, err := a.Backend.PutSecretValue(ctx, in, optFns...)
	if err == nil {
		a.alter(out)
	}
	return out, err
}

func TestAnswersToAPutAreCompared(t *testing.T) {
	type output = secretsmanager.PutSecretValueOutput
	for what, tt := range map[string]struct {
		alter func(*output)
		puts  int // an empty answer counts as a lost one
	}{
		"another name":         {func(o *output) { o.Name = aws.String(name + "2") }, 1},
		"no name":              {func(o *output) { o.Name = nil }, 1},
		"another secret's ARN": {func(o *output) { *o.ARN = (*o.ARN)[:len(*o.ARN)-6] + "zzzzzz" }, 1},
		"no ARN":               {func(o *output) { o.ARN = nil }, 1},
		"another version":      {func(o *output) { o.VersionId = aws.String("v2") }, 1},
		"no version":           {func(o *output) { o.VersionId = nil }, 1},
		"nothing":              {func(o *output) { *o = output{} }, 2},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *store) {
				a := &altered{Backend: s.backend, alter: tt.alter}
				s.writer.API = a
				_, _, err := s.put(s.Context(), rand.Text())
				var foreign reader.Foreign
				if a.puts != tt.puts || errors.As(err, &foreign) != (tt.puts == 1) || errors.Is(err, answer.ErrEmpty) != (tt.puts == 2) {
					t.Errorf("%d writes, error %v", a.puts, err)
				}
			})
		})
	}
}

func TestListedAndAnswered(t *testing.T) {
	w := &writer.Writer{Place: func() reader.Place { return reader.Place{Account: "123456789012"} }}
	s := writer.Secret{Name: name, ARN: takenARN}
	entry := func(name, arn string) []types.SecretListEntry {
		return []types.SecretListEntry{{Name: &name, ARN: &arn}}
	}
	const elsewhere = "arn:aws:secretsmanager:us-east-1:210987654321:secret:" + name + "-AbCdEf"
	var foreign reader.Foreign
	for what, tt := range map[string]struct {
		err            error
		foreign, empty bool
	}{
		"an entry":                 {w.Listed(entry(name, takenARN)), false, false},
		"an empty list":            {w.Listed([]types.SecretListEntry{}), false, false},
		"no list":                  {w.Listed(nil), false, true},
		"an empty entry":           {w.Listed([]types.SecretListEntry{{}}), false, true},
		"an entry of another name": {w.Listed(entry(name+"2", takenARN)), true, false},
		"an entry elsewhere":       {w.Listed(entry(name, elsewhere)), true, false},
		"an answer":                {w.Answered(s, "v", aws.String(name), aws.String(takenARN), aws.String("v")), false, false},
		"an answer of nothing":     {w.AnsweredOf(s, nil, nil), false, true},
		"an answer elsewhere":      {w.AnsweredOf(s, aws.String(name), aws.String(elsewhere)), true, false},
		"an answer of another":     {w.AnsweredOf(s, aws.String(name), aws.String(takenARN[:len(takenARN)-1]+"g")), true, false},
		"another version":          {w.Answered(s, "v", aws.String(name), aws.String(takenARN), aws.String("w")), true, false},
	} {
		if errors.As(tt.err, &foreign) != tt.foreign || errors.Is(tt.err, answer.ErrEmpty) != tt.empty || tt.err != nil && !tt.foreign && !tt.empty {
			t.Errorf("%s: error %v", what, tt.err)
		}
	}
}
