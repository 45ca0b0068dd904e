import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;

/** A node of OpenSearch: its folder, that of its modules, and its settings as name=value. */
public class Launcher {
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        // It looks for both in its own folder alone. A node that starts again has them.
        Files.createDirectories(home.resolve("plugins"));
        Path modules = home.resolve("modules");
        if (!Files.exists(modules)) {
            Files.createSymbolicLink(modules, Path.of(arguments[1]));
        }
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (int i = 2; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            settings.put(parts[0], parts[1]);
        }
        Node node = new Node(new Environment(settings.build(), home.resolve("config")));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.start();
        // The threads of a node are daemons: without this one the process would end.
        new CountDownLatch(1).await();
    }
}
