// SPDX-License-Identifier: LGPL-2.1-or-later

// A MongoDB-wire database on disk for the tests and the demo: FerretDB with its SQLite backend. It ends on SIGTERM
// or SIGINT.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func run() error {
	var config ferretdb.Config
	data := flag.String("data", "", "directory of the data, which exists")
	flag.StringVar(&config.Listener.TCP, "listen", "", "address to listen on")
	flag.StringVar(&config.Listener.TLS, "tls-listen", "", "address to listen on with TLS")
	flag.StringVar(&config.Listener.TLSCertFile, "tls-cert", "", "the server's certificate")
	flag.StringVar(&config.Listener.TLSKeyFile, "tls-key", "", "the server's key")
	flag.StringVar(&config.Listener.TLSCAFile, "tls-ca", "", "authority of the clients' certificates")
	flag.Parse()

	config.Handler = "sqlite"
	config.SQLiteURL = (&url.URL{Scheme: "file", Path: *data + "/"}).String()
	server, err := ferretdb.New(&config)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening") // connections already queue
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return server.Run(ctx)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}
