package io.bolina.registry.consul;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.security.KeyManagementException;
import java.security.SecureRandom;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * Makes client sockets that take their peer for a server of a given name, whatever address they are
 * connected to: they send it as SNI, and refuse a certificate that is for another.
 */
final class TlsServerNameContext extends SSLContext {
  TlsServerNameContext(SSLContext context, String serverName) {
    super(new Spi(context, serverName), context.getProvider(), context.getProtocol());
  }

  private static final class Spi extends SSLContextSpi {
    private final SSLContext context;
    private final String serverName;

    private Spi(SSLContext context, String serverName) {
      this.context = context;
      this.serverName = serverName;
    }

    @Override
    protected SSLSocketFactory engineGetSocketFactory() {
      return new SocketFactory(context.getSocketFactory(), serverName);
    }

    @Override
    protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random)
        throws KeyManagementException {
      context.init(keys, trust, random);
    }

    @Override
    protected SSLServerSocketFactory engineGetServerSocketFactory() {
      return context.getServerSocketFactory();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine() {
      return context.createSSLEngine();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine(String host, int port) {
      return context.createSSLEngine(host, port);
    }

    @Override
    protected SSLSessionContext engineGetServerSessionContext() {
      return context.getServerSessionContext();
    }

    @Override
    protected SSLSessionContext engineGetClientSessionContext() {
      return context.getClientSessionContext();
    }
  }

  private static final class SocketFactory extends SSLSocketFactory {
    private final SSLSocketFactory factory;
    private final String serverName;

    private SocketFactory(SSLSocketFactory factory, String serverName) {
      this.factory = factory;
      this.serverName = serverName;
    }

    /** The only one that OkHttp uses: TLS over a socket that is connected. */
    @Override
    public Socket createSocket(Socket connected, String host, int port, boolean autoClose)
        throws IOException {
      SSLSocket socket = (SSLSocket) factory.createSocket(connected, serverName, port, autoClose);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      return socket;
    }

    @Override
    public String[] getDefaultCipherSuites() {
      return factory.getDefaultCipherSuites();
    }

    @Override
    public String[] getSupportedCipherSuites() {
      return factory.getSupportedCipherSuites();
    }

    @Override
    public Socket createSocket(String host, int port) {
      throw unconnected();
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress local, int localPort) {
      throw unconnected();
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
      throw unconnected();
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
      throw unconnected();
    }

    private static UnsupportedOperationException unconnected() {
      return new UnsupportedOperationException("only sockets that are connected");
    }
  }
}
