package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

// message is a webhook to send.
type message struct {
	tenant string
	id     string
	body   string
	keys   tenantsecrets.Keyring
	signed time.Time
}

// header returns the headers of the message, signed with Standard Webhooks.
func (m message) header() (http.Header, error) {
	header, scheme := http.Header{}, webhook.StandardWebhooks()
	timestamp := strconv.FormatInt(m.signed.Unix(), 10)
	tags, err := m.keys.MACs(scheme.AppendPrefix(nil, m.id, timestamp), []byte(m.body))
	if err != nil {
		return nil, err
	}
	scheme.Write(header, m.id, timestamp, tags)
	return header, nil
}

// sender posts webhooks and prints the answers. After the first error it does nothing.
type sender struct {
	client *http.Client
	url    string
	out    io.Writer
	err    error
}

// post signs a message and sends it.
func (s *sender) post(ctx context.Context, what string, m message) {
	header, err := m.header()
	if s.err == nil {
		s.err = err
	}
	s.send(ctx, what, m.tenant, header, m.body)
}

func (s *sender) send(ctx context.Context, what, tenant string, header http.Header, body string) {
	if s.err != nil {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+tenant, strings.NewReader(body))
	if err != nil {
		s.err = err
		return
	}
	request.Header = header
	if len(body) > 64<<10 {
		// The server refuses a body that is too large before it reads it. Without this header
		// the connection may be reset while the client still writes, and the answer is lost.
		request.Header.Set("Expect", "100-continue")
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.err = err
		return
	}
	response.Body.Close()
	answer := response.Status
	if after := response.Header.Get("Retry-After"); after != "" {
		answer += ", retry after " + after + " s"
	}
	fmt.Fprintf(s.out, "  %-34s %s\n", what, answer)
}
