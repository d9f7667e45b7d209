import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBRequestHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBServerHandler;

/**
 * Runs DynamoDB Local in memory, with the same tables for all credentials and regions, on the loopback address only. Its own
 * command line always listens on every address. That command line also sets up telemetry, so there is none here.
 */
class Loopback {
    public static void main(String[] port) throws Exception {
        var memory = new LocalDynamoDBRequestHandler(0, true, null, true, false);
        var handler = new LocalDynamoDBServerHandler(memory, null);
        var server = new DynamoDBProxyServer(Integer.parseInt(port[0]), handler);
        ((ServerConnector) handler.getServer().getConnectors()[0]).setHost("127.0.0.1");
        server.start();
        server.join();
    }
}
